/// A few rounds of each fault, and the proof that the driver finds what is wrong.
@NullMarked
package io.lattice.it.failover;

import org.jspecify.annotations.NullMarked;
