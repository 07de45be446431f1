package io.lattice.gateway.raft;

import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.proto.peer.ForwardReply;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// Other nodes' proposals that wait for the leader's next entry, in the order in which they came. Not thread-safe: the
/// proposer guards it.
final class ForwardedQueue {
    /// Each node has at most one under way, so this is never reached in earnest.
    private static final int MAX = 1_024;

    private final ArrayDeque<Forwarded> waiting = new ArrayDeque<>();
    private int commands;

    /// @param from the follower's Raft identity
    /// @param callback runs once
    record Forwarded(Proposal proposal, String from, Consumer<ForwardReply.Result> callback) {
        int bytes() {
            return proposal.getSerializedSize();
        }
    }

    boolean isEmpty() {
        return waiting.isEmpty();
    }

    boolean isFull() {
        return waiting.size() >= MAX;
    }

    /// How many commands are in them all.
    int commands() {
        return commands;
    }

    void add(Forwarded forwarded) {
        waiting.addLast(forwarded);
        commands += forwarded.proposal.getCommandsCount();
    }

    /// Moves proposals from the head into a batch, at least one if there is any, as many as the limit lets in.
    List<Forwarded> takeInto(CommandBatch.Builder batch, long bytesMax) {
        List<Forwarded> taken = new ArrayList<>();
        long bytes = 0;
        while (!waiting.isEmpty()
                && (taken.isEmpty() || bytes + waiting.getFirst().bytes() <= bytesMax)) {
            Forwarded next = waiting.removeFirst();
            bytes += next.bytes();
            commands -= next.proposal.getCommandsCount();
            batch.addProposals(next.proposal);
            taken.add(next);
        }
        return taken;
    }

    List<Forwarded> removeAll() {
        List<Forwarded> all = new ArrayList<>(waiting);
        waiting.clear();
        commands = 0;
        return all;
    }
}
