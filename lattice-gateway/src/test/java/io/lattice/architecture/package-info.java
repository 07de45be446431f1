/// Rules on which part of Lattice may use which, checked over all modules on the gateway's class path.
@NullMarked
package io.lattice.architecture;

import org.jspecify.annotations.NullMarked;
