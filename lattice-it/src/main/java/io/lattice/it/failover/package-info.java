/// The failover driver: writers and readers on every node of a three-node cluster, a fault under them,
/// and the proof of what was kept. [FailoverMain] reads the command line and repeats rounds, [Fault] is
/// what happens in one, [Workload] runs the clients on threads of their own, [History] collects what they
/// saw, [Replicas] reads what is there afterwards, [Ledger] and [RealTime] judge. All but the clients
/// runs on the main thread.
@NullMarked
package io.lattice.it.failover;

import org.jspecify.annotations.NullMarked;
