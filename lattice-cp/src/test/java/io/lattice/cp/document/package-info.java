/// Tests of the package of the same name.
@NullMarked
package io.lattice.cp.document;

import org.jspecify.annotations.NullMarked;
