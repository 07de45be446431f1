@NullMarked
package io.lattice.statemachine.watch;

import org.jspecify.annotations.NullMarked;
