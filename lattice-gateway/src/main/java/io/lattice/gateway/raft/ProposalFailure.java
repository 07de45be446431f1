package io.lattice.gateway.raft;

/// Why a request got no outcome from consensus.
public enum ProposalFailure {
    /// Not decided within the request timeout. It may still be applied.
    TIMED_OUT,
    /// The leader that had the request was lost. It may still be applied.
    LEADER_LOST,
    /// Too much waits already. Surely not applied.
    TOO_MANY_REQUESTS,
    /// This node is stopping. Surely not applied, unless it had been handed on before.
    STOPPED
}
