package io.lattice.statemachine.watch;

import java.util.List;

/// Watchers of one stream that have to be told of the past, and how far that goes.
///
/// @param keyspace whose changes
/// @param pending who is behind, not empty
/// @param from the lowest revision that one of them needs
/// @param to the newest revision when this was put together
/// @param includesInStep whether all that had been in step are among them
public record CatchUp(
        int keyspace, List<Pending> pending, long from, long to, boolean includesInStep) {
    /// A watcher and the first revision that it needs.
    public record Pending(Watcher watcher, long from) {}

    /// What a pass over the past has found.
    ///
    /// @param catchUp what was to be done
    /// @param batches the events found, a batch for each watcher that has any
    /// @param reached up to this revision all events were found
    /// @param expired watchers that need what is compacted
    /// @param compactRevision the first revision that they could have had
    public record Result(
            CatchUp catchUp,
            List<EventBatch> batches,
            long reached,
            List<Watcher> expired,
            long compactRevision) {}
}
