/// Tests of applying, among them the model test against an independent reference.
@NullMarked
package io.lattice.statemachine.apply;

import org.jspecify.annotations.NullMarked;
