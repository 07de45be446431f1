/// Leases: which there are, when they end in replicated time, which keys go with them. Changed by the apply thread only, with
/// nothing but the log to go by: no clock, no timer. What is here in memory is rebuilt from the store when that is opened.
@NullMarked
package io.lattice.statemachine.lease;

import org.jspecify.annotations.NullMarked;
