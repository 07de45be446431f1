/// Stale leaders: real processes that were paused or cut off and don't know that they have been superseded. Lattice's
/// linearizable reads have to hold; Ratis' own have to be seen to fail, which shows that the scenarios bite.
@NullMarked
package io.lattice.it.stale;

import org.jspecify.annotations.NullMarked;
