/// Tests of what a node tells about itself.
@NullMarked
package io.lattice.gateway.observability;

import org.jspecify.annotations.NullMarked;
