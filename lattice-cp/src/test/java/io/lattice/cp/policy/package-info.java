/// Tests of the package of the same name.
@NullMarked
package io.lattice.cp.policy;

import org.jspecify.annotations.NullMarked;
