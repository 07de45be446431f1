/// One committed command: checked, executed, answered. [StateStore] is the facade of the whole state machine core.
///
/// Runs on the apply thread, purely: the outcome and the new state follow from the command and the state before, the same on
/// every replica. A refusal is a value; an exception is a broken invariant or a failing disk and ends the node.
@NullMarked
package io.lattice.statemachine.apply;

import org.jspecify.annotations.NullMarked;
