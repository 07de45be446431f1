/// Tests of the package of the same name.
@NullMarked
package io.lattice.cp.routing;

import org.jspecify.annotations.NullMarked;
