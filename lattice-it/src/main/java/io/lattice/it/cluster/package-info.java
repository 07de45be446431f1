/// Real server processes for tests: Lattice nodes and the etcd that they are compared with, on loopback
/// or each in a network namespace of its own. Everything here is called by the thread of the test or of
/// the failover driver; only [Await] blocks, always with a bound.
@NullMarked
package io.lattice.it.cluster;

import org.jspecify.annotations.NullMarked;
