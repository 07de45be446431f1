package io.lattice.gateway.raft;

import org.jspecify.annotations.Nullable;

/// Where this node stands in its group: what the proposer and the read fence decide by. Read at any time, without a
/// lock; two calls may see two different leaderships. Thread-safe.
interface Standing {
    /// This node's own name.
    String nodeId();

    /// The newest term that this node has promised to; 0 before it runs.
    long term();

    /// Whether this node leads and has applied everything of earlier terms, as far as it knows.
    boolean isReadyLeader();

    /// The leader as far as this node knows, or null.
    @Nullable String leader();

    long committedIndex();

    /// The voters of now, one set, or two of which each needs a majority while the configuration changes.
    RaftView.Voters voters();
}
