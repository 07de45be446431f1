/// Tests of the package of the same name.
@NullMarked
package io.lattice.statemachine.query;

import org.jspecify.annotations.NullMarked;
