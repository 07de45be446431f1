package io.lattice.gateway.raft;

import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.proto.peer.ForwardReply;
import io.lattice.statemachine.apply.LogPosition;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/// Other nodes' proposals that wait for the leader's next entry, in the order in which they came. Not thread-safe: the
/// proposer guards it.
final class ForwardedQueue {
    /// Each node has at most one under way, so this is never reached in earnest.
    private static final int MAX = 1_024;

    private final ArrayDeque<Forwarded> waiting = new ArrayDeque<>();
    private int commands;
    private int hurried;

    /// @param term in which it was sent, and this node led when it came
    /// @param from the follower's Raft identity
    /// @param earlyCommands how many came early to the follower, as in [CommandQueue#takeEarly]
    /// @param hurried whether some shouldn't wait for more
    /// @param callback runs once
    record Forwarded(
            Proposal proposal,
            long term,
            String from,
            int earlyCommands,
            boolean hurried,
            Consumer<ForwardReply> callback) {
        int bytes() {
            return proposal.getSerializedSize();
        }

        void answer(ForwardReply.Result result) {
            callback.accept(reply(result));
        }

        /// It is committed.
        ///
        /// @param position of the entry if the follower is known to have it on disk, or none
        /// @param pauseNanos how long the follower should wait with its next one
        void answerCommitted(LogPosition position, long pauseNanos) {
            callback.accept(
                    ForwardReply.newBuilder()
                            .setResult(ForwardReply.Result.COMMITTED)
                            .setTerm(position.term())
                            .setIndex(Math.max(0, position.index()))
                            .setPauseUs((int) TimeUnit.NANOSECONDS.toMicros(pauseNanos))
                            .build());
        }

        static ForwardReply reply(ForwardReply.Result result) {
            return ForwardReply.newBuilder().setResult(result).build();
        }
    }

    boolean isFull() {
        return waiting.size() >= MAX;
    }

    /// How many commands are in them all.
    int commands() {
        return commands;
    }

    /// Whether some shouldn't wait for more.
    boolean isHurried() {
        return hurried > 0;
    }

    void add(Forwarded forwarded) {
        waiting.addLast(forwarded);
        hurried += forwarded.hurried ? 1 : 0;
        commands += forwarded.proposal.getCommandsCount();
    }

    /// Moves proposals from the head into a batch, at least one if there is any, as many as the limit lets in.
    List<Forwarded> takeInto(CommandBatch.Builder batch, long bytesMax) {
        List<Forwarded> taken = new ArrayList<>();
        long bytes = 0;
        while (!waiting.isEmpty()
                && (taken.isEmpty() || bytes + waiting.getFirst().bytes() <= bytesMax)) {
            Forwarded next = removeFirst();
            bytes += next.bytes();
            batch.addProposals(next.proposal);
            taken.add(next);
        }
        return taken;
    }

    /// Removes those that were sent in earlier terms.
    List<Forwarded> removeBefore(long term) {
        List<Forwarded> removed = new ArrayList<>();
        while (!waiting.isEmpty() && waiting.getFirst().term < term) {
            removed.add(removeFirst());
        }
        return removed;
    }

    private Forwarded removeFirst() {
        Forwarded first = waiting.removeFirst();
        commands -= first.proposal.getCommandsCount();
        hurried -= first.hurried ? 1 : 0;
        return first;
    }
}
