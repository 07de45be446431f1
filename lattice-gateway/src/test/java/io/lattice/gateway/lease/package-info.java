/// Tests of ticks and renewals, with a clock and a log of their own.
@NullMarked
package io.lattice.gateway.lease;

import org.jspecify.annotations.NullMarked;
