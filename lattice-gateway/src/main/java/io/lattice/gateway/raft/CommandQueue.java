package io.lattice.gateway.raft;

import io.lattice.proto.command.Command;
import io.lattice.proto.command.Proposal;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/// The commands of this node's clients that wait to be proposed, in the order in which they came, bounded in number and
/// bytes. Not thread-safe: the proposer guards it.
final class CommandQueue {
    private final ArrayDeque<Pending> waiting = new ArrayDeque<>();
    private final RaftSettings settings;
    private long bytes;

    /// A command and its caller.
    ///
    /// @param deadlineNanos of System.nanoTime
    record Pending(Command command, long deadlineNanos, Proposer.Completion completion) {
        private int bytes() {
            return command.getSerializedSize();
        }
    }

    CommandQueue(RaftSettings settings) {
        this.settings = settings;
    }

    boolean isEmpty() {
        return waiting.isEmpty();
    }

    int size() {
        return waiting.size();
    }

    /// Whether the first command fits into so many bytes.
    boolean firstFits(long bytesMax) {
        Pending first = waiting.peekFirst();
        return first != null && first.bytes() <= bytesMax;
    }

    /// Appends a command, or answers false if the queue is full.
    boolean add(Pending pending) {
        if (waiting.size() >= settings.queueCommandsMax()
                || bytes + pending.bytes() > settings.queueBytesMax()) {
            return false;
        }
        waiting.addLast(pending);
        bytes += pending.bytes();
        return true;
    }

    /// Moves commands from the head into a proposal, at least one, as many as the limits let in.
    List<Pending> takeInto(Proposal.Builder proposal, long bytesMax) {
        List<Pending> taken =
                new ArrayList<>(Math.min(waiting.size(), settings.batchCommandsMax()));
        long takenBytes = 0;
        while (!waiting.isEmpty() && taken.size() < settings.batchCommandsMax()) {
            int size = waiting.getFirst().bytes();
            if (!taken.isEmpty() && takenBytes + size > bytesMax) {
                break;
            }
            Pending next = waiting.removeFirst();
            bytes -= size;
            takenBytes += size;
            proposal.addCommands(next.command);
            taken.add(next);
        }
        return taken;
    }

    /// Queues commands again, before all others, as they came first.
    void putBack(List<Pending> taken) {
        for (int i = taken.size() - 1; i >= 0; i--) {
            waiting.addFirst(taken.get(i));
            bytes += taken.get(i).bytes();
        }
    }

    /// Removes the commands whose time is up. One that was put back may stand before younger ones, never behind.
    List<Pending> removeLate(long nowNanos) {
        List<Pending> late = List.of();
        Pending first = waiting.peekFirst();
        while (first != null && nowNanos - first.deadlineNanos >= 0) {
            if (late.isEmpty()) {
                late = new ArrayList<>();
            }
            late.add(waiting.removeFirst());
            bytes -= first.bytes();
            first = waiting.peekFirst();
        }
        return late;
    }

    /// Empties the queue.
    List<Pending> removeAll() {
        List<Pending> all = new ArrayList<>(waiting);
        waiting.clear();
        bytes = 0;
        return all;
    }
}
