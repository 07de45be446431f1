/// Tests of leases, on real stores.
@NullMarked
package io.lattice.statemachine.lease;

import org.jspecify.annotations.NullMarked;
