/// Tests of the package of the same name.
@NullMarked
package io.lattice.statemachine.mvcc;

import org.jspecify.annotations.NullMarked;
