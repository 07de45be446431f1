/// Tests of the package of the same name.
@NullMarked
package io.lattice.cp.manifest;

import org.jspecify.annotations.NullMarked;
