/// The composition root: one node out of its parts, with the order of starting and stopping in one place.
@NullMarked
package io.lattice.gateway.node;

import org.jspecify.annotations.NullMarked;
