package io.lattice.gateway.raft;

import java.util.List;

/// What the watchdog looks at, at one instant.
///
/// @param leads whether this node leads, ready or not
/// @param term the newest that this node has heard of
/// @param termFile whether that term is on disk
/// @param log how far the log's entries have come
/// @param refusedNanos for how long Ratis has refused every entry for want of room, with none under way
/// @param voters of now
/// @param listeners of now
/// @param followers as a leader knows them; may name former members, and be outdated in the first moments of a term
record Vitals(
        boolean leads,
        long term,
        TermFile.Status termFile,
        Log log,
        long refusedNanos,
        RaftView.Voters voters,
        List<String> listeners,
        List<Follower> followers) {

    /// Whether entries are due to a follower.
    boolean isMember(String raftId) {
        return voters.contains(raftId) || listeners.contains(raftId);
    }

    /// Indices in the log, -1 where there is none.
    ///
    /// @param start first in the log
    /// @param last last in the log
    /// @param flushed last that is on disk
    /// @param committed last known to be committed
    /// @param applied last that is in the state
    record Log(long start, long last, long flushed, long committed, long applied) {}
}
