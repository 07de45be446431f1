/// The gateway's side of consensus: the Ratis server and its properties, the proposer that turns many waiting
/// mutations into one log entry, the read fence that proves leadership for many waiting reads at once, and the
/// channel between the nodes that carries both from followers. Only this package and the state machine's `raft`
/// see Ratis.
@NullMarked
package io.lattice.gateway.raft;

import org.jspecify.annotations.NullMarked;
