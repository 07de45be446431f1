/// What tenants can and can't do to each other.
@NullMarked
package io.lattice.it.tenant;

import org.jspecify.annotations.NullMarked;
