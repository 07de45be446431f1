package io.lattice.gateway.raft;

import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.raft.BatchMessage;
import java.util.function.Consumer;

/// This node's division, as the proposer needs it. Thread-safe.
interface EntrySink {
    /// Submits a batch, as its leader.
    ///
    /// @param failed called at most once, on any thread, if the batch won't be answered by being applied
    void submit(BatchMessage message, Consumer<Throwable> failed);

    /// Lets it apply what it has in its log up to `position`, as a follower in that term. Does nothing if it is no follower any more.
    ///
    /// @param leader who says that it is committed
    void committed(String leader, LogPosition position);
}
