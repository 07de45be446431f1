@NullMarked
package io.lattice.it.watch;

import org.jspecify.annotations.NullMarked;
