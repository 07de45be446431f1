/// The etcd v3 services. A call is checked, routed to the proposer (mutations) or through the read fence to the query
/// executor (reads), and answered with etcd's codes and texts. Handlers run on the transport's event loops and never
/// block; reads of more than one key run on a pool of their own.
@NullMarked
package io.lattice.gateway.grpc;

import org.jspecify.annotations.NullMarked;
