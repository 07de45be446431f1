/// Locks, elections and the like that clients make of keys, leases and watches, played by etcd's own clients.
@NullMarked
package io.lattice.it.recipes;

import org.jspecify.annotations.NullMarked;
