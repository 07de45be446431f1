/// Tests of the package of the same name.
@NullMarked
package io.lattice.cp.cache;

import org.jspecify.annotations.NullMarked;
