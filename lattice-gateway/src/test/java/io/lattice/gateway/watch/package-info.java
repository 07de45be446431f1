@NullMarked
package io.lattice.gateway.watch;

import org.jspecify.annotations.NullMarked;
