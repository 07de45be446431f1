/// Tests of the package of the same name.
@NullMarked
package io.lattice.gateway.security;

import org.jspecify.annotations.NullMarked;
