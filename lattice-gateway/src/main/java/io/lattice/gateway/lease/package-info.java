/// What this node does for leases beside answering calls: the leader's ticks, which move the time by which leases expire, and
/// the gathering of renewals into few commands. Threads of its own, of the proposer's completions and of gRPC; nothing here
/// decides whether a lease has ended, the state machine does.
@NullMarked
package io.lattice.gateway.lease;

import org.jspecify.annotations.NullMarked;
