package io.lattice.gateway.raft;

import io.lattice.gateway.raft.ForwardedQueue.Forwarded;
import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.statemachine.raft.BatchMessage;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// The log entry under way on the leader. Not thread-safe: the proposer guards it.
///
/// @param own this node's proposal in it, if there is one
/// @param forwarded the other nodes' proposals in it that aren't answered yet
/// @param earlyCommands those of all its commands that came early
record EntryInFlight(
        BatchMessage message,
        @Nullable Ticket own,
        List<Forwarded> forwarded,
        int earlyCommands,
        long beganNanos) {

    /// Makes the next entry of what waits, of one proposal at least, and registers this node's own part.
    ///
    /// @param term in which this node leads, and in which they were taken
    /// @param bytesMax encoded commands; a single larger proposal still gets an entry of its own
    static EntryInFlight take(
            ForwardedQueue forwarded,
            CommandQueue waiting,
            Tickets tickets,
            long term,
            long bytesMax) {
        CommandBatch.Builder batch = CommandBatch.newBuilder();
        List<Forwarded> taken = forwarded.takeInto(batch, bytesMax);
        long room = bytesMax - taken.stream().mapToLong(Forwarded::bytes).sum();
        Ticket own = null;
        if (!waiting.isEmpty() && (taken.isEmpty() || waiting.firstFits(room))) {
            own = tickets.take(waiting, room);
            batch.addProposals(own.proposal);
        }
        return new EntryInFlight(
                new BatchMessage(batch.build(), term),
                own,
                taken,
                taken.stream().mapToInt(Forwarded::earlyCommands).sum()
                        + (own == null ? 0 : own.earlyCommands),
                System.nanoTime());
    }

    /// How many commands it holds.
    int commands() {
        return message.batch().getProposalsList().stream()
                .mapToInt(Proposal::getCommandsCount)
                .sum();
    }

    /// Takes those of the other nodes' proposals that are to be answered now; the others are answered later.
    List<Forwarded> takeForwarded(Predicate<Forwarded> now) {
        List<Forwarded> taken = new ArrayList<>();
        forwarded.removeIf(f -> now.test(f) && taken.add(f));
        return taken;
    }

    /// Takes all that aren't answered yet.
    List<Forwarded> takeForwarded() {
        return takeForwarded(_ -> true);
    }

    /// Whether it became this one: an origin uses a sequence number once, so the first proposal names the entry.
    boolean isFirstOf(CommandBatch batch) {
        Proposal mine = message.batch().getProposals(0);
        Proposal theirs = batch.getProposals(0);
        return mine.getOrigin() == theirs.getOrigin() && mine.getSequence() == theirs.getSequence();
    }
}
