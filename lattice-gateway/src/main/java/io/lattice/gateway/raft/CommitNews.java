package io.lattice.gateway.raft;

/// Followers hear of what is committed. Thread-safe; cheap, and never blocks.
interface CommitNews {
    /// Whether the follower has `index` on disk. If so, the caller tells it that it is committed, and nobody else will.
    boolean leaveToAnswer(String raftId, long index);

    /// Has a follower told that `index` is committed, unless it knows.
    void push(String raftId, long index);

    /// Has every follower told within 2 ms that `index` is committed, unless a later one follows.
    void pushSoon(long index);
}
