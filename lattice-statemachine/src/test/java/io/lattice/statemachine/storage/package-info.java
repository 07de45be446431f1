/// Tests of the package of the same name.
@NullMarked
package io.lattice.statemachine.storage;

import org.jspecify.annotations.NullMarked;
