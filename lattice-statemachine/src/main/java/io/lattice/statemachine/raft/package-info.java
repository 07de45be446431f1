/// The Ratis edge of the state machine: committed log entries in, outcomes out, snapshots as RocksDB checkpoints.
/// Runs on the division's updater thread; nothing outside this package and the gateway's `raft` package sees Ratis.
@NullMarked
package io.lattice.statemachine.raft;

import org.jspecify.annotations.NullMarked;
