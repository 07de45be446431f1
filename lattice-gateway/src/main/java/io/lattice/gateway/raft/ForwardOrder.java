package io.lattice.gateway.raft;

import io.lattice.proto.command.Proposal;
import java.util.LinkedHashMap;
import java.util.Map;

/// Keeps what a process forwards in the order in which it was sent. A network that was cut may deliver a proposal by its old connection
/// long after its callers have given up, and after later ones that came by a new connection: appended then, it would undo what was
/// written since.
///
/// Not thread-safe: the proposer guards it.
final class ForwardOrder {
    /// Processes that are remembered. Far more than there ever are nodes, restarted ones included.
    private static final int ORIGINS_MAX = 1_024;

    private final Map<Long, Long> lastSequences =
            new LinkedHashMap<>(16, 0.75f, true) {
                private static final long serialVersionUID = 1;

                @Override
                protected boolean removeEldestEntry(Map.Entry<Long, Long> eldest) {
                    return size() > ORIGINS_MAX;
                }
            };

    /// Whether no later proposal of the same process has been seen.
    boolean isInOrder(Proposal proposal) {
        Long last = lastSequences.get(proposal.getOrigin());
        return last == null || proposal.getSequence() > last;
    }

    /// A proposal is about to be appended here, or was applied.
    void seen(Proposal proposal) {
        lastSequences.merge(proposal.getOrigin(), proposal.getSequence(), Math::max);
    }
}
