/// From a tenant's name to where its data is: keyspace, Raft group and routing epoch. Values only; any
/// thread may read them.
@NullMarked
package io.lattice.cp.routing;

import org.jspecify.annotations.NullMarked;
