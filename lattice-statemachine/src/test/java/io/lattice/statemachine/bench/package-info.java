/// Measurements, run by hand: they print figures and check nothing.
@NullMarked
package io.lattice.statemachine.bench;

import org.jspecify.annotations.NullMarked;
