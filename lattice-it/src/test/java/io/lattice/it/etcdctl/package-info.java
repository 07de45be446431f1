/// The real etcdctl against Lattice.
@NullMarked
package io.lattice.it.etcdctl;

import org.jspecify.annotations.NullMarked;
