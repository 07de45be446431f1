/// Tests of the package of the same name.
@NullMarked
package io.lattice.cp.agent;

import org.jspecify.annotations.NullMarked;
