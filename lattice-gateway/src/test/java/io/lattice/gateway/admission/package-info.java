/// Tests of who is let in and whose turn it is.
@NullMarked
package io.lattice.gateway.admission;

import org.jspecify.annotations.NullMarked;
