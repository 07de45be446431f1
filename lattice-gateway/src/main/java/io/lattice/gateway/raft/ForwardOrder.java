package io.lattice.gateway.raft;

import io.lattice.proto.command.Proposal;
import java.util.LinkedHashMap;
import java.util.Map;

/// Keeps what a process forwards in the order in which it was sent. A network that was cut may deliver a proposal by its old connection
/// long after its callers have given up, and after later ones that came by a new connection: appended then, it would undo what was
/// written since.
///
/// A leader takes only what was sent to it in its own term, so it needs to remember no more than what it has taken in that term.
///
/// Not thread-safe: the proposer guards it.
final class ForwardOrder {
    /// Processes that are remembered. Far more than are ever started in one term.
    private static final int ORIGINS_MAX = 1_024;

    private final Map<Long, Long> lastSequences =
            new LinkedHashMap<>(16, 0.75f, true) {
                private static final long serialVersionUID = 1;

                @Override
                protected boolean removeEldestEntry(Map.Entry<Long, Long> eldest) {
                    return size() > ORIGINS_MAX;
                }
            };

    private long term;

    /// Takes a proposal unless one that the same process sent later was taken in this term.
    ///
    /// @param leaderTerm the term in which it was sent and in which this node leads
    /// @return whether it was taken
    boolean take(long leaderTerm, Proposal proposal) {
        if (leaderTerm != term) {
            term = leaderTerm;
            lastSequences.clear();
        }
        Long last = lastSequences.get(proposal.getOrigin());
        if (last != null && proposal.getSequence() <= last) {
            return false;
        }
        lastSequences.put(proposal.getOrigin(), proposal.getSequence());
        return true;
    }
}
