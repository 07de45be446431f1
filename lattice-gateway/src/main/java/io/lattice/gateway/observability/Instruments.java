package io.lattice.gateway.observability;

import java.util.concurrent.atomic.LongAdder;

/// What is counted while a node works. Thread-safe.
///
/// @param syncs of the Raft log
/// @param applies of committed entries
/// @param dirtyEpochs calls refused since they named another routing epoch
public record Instruments(
        CallMetrics calls,
        DurationHistogram syncs,
        DurationHistogram applies,
        LongAdder dirtyEpochs) {}
