package io.lattice.gateway.raft;

import io.lattice.gateway.raft.CommandQueue.Pending;
import io.lattice.proto.command.Proposal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// This node's proposals that are under way or undecided, by sequence number. Not thread-safe: the proposer guards it.
final class Tickets {
    private final Map<Long, Ticket> bySequence = new HashMap<>();
    private final long origin;
    private long lastSequence;

    /// @param origin random for each process
    Tickets(long origin) {
        this.origin = origin;
    }

    long origin() {
        return origin;
    }

    /// Makes a proposal of what waits, at least of one command, and registers it.
    Ticket take(CommandQueue waiting, long bytesMax) {
        Proposal.Builder proposal =
                Proposal.newBuilder().setOrigin(origin).setSequence(++lastSequence);
        boolean hurried = waiting.isHurried();
        List<Pending> taken = waiting.takeInto(proposal, bytesMax);
        Ticket ticket = new Ticket(proposal.build(), taken, waiting.takeEarly(), hurried);
        bySequence.put(ticket.sequence(), ticket);
        return ticket;
    }

    /// Whether its callers haven't been told anything yet.
    boolean isRegistered(Ticket ticket) {
        return bySequence.containsKey(ticket.sequence());
    }

    boolean isEmpty() {
        return bySequence.isEmpty();
    }

    @Nullable Ticket remove(long sequence) {
        return bySequence.remove(sequence);
    }

    List<Ticket> removeIf(Predicate<Ticket> which) {
        List<Ticket> removed = new ArrayList<>();
        for (Iterator<Ticket> i = bySequence.values().iterator(); i.hasNext(); ) {
            Ticket ticket = i.next();
            if (which.test(ticket)) {
                i.remove();
                removed.add(ticket);
            }
        }
        return removed;
    }
}
