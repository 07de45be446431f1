/// Tests against real server processes.
@NullMarked
package io.lattice.it;

import org.jspecify.annotations.NullMarked;
