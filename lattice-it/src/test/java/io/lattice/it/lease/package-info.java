/// Leases of real clusters in real time, while leaders die and pause.
@NullMarked
package io.lattice.it.lease;

import org.jspecify.annotations.NullMarked;
