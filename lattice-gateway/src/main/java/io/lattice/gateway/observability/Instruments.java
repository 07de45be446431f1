package io.lattice.gateway.observability;

import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

/// What is counted while a node works. Thread-safe.
///
/// @param syncs of the Raft logs, one for each group that is open
/// @param applies of committed entries, one for each group that is open
/// @param dirtyEpochs calls refused since they named another routing epoch
public record Instruments(
        CallMetrics calls,
        Supplier<List<DurationHistogram>> syncs,
        Supplier<List<DurationHistogram>> applies,
        LongAdder dirtyEpochs) {}
