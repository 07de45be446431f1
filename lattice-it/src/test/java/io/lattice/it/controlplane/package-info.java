/// The control plane: its agent against real etcds and Lattices, its commands, and clusters that are placed by it.
@NullMarked
package io.lattice.it.controlplane;

import org.jspecify.annotations.NullMarked;
