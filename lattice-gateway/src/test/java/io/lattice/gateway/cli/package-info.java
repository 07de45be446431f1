/// Tests of the package of the same name.
@NullMarked
package io.lattice.gateway.cli;

import org.jspecify.annotations.NullMarked;
