package io.lattice.gateway.raft;

import io.lattice.statemachine.raft.BatchMessage;
import java.util.function.Consumer;

/// Puts a batch into this node's division as its leader. Thread-safe.
interface EntrySink {
    /// Submits a batch.
    ///
    /// @param failed called at most once, on any thread, if the batch won't be answered by being applied
    void submit(BatchMessage message, Consumer<Throwable> failed);
}
