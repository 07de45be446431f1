/// What goes wrong outside of Lattice's code: configuration, files, disks, requests. Each has to end in a
/// clear error, and in nothing lost.
@NullMarked
package io.lattice.it.badinput;

import org.jspecify.annotations.NullMarked;
