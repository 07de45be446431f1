/// What is done for tenants beside their calls: whether they store more than they may, and getting back the space of what they
/// deleted. Runs on threads of its own.
@NullMarked
package io.lattice.gateway.tenant;

import org.jspecify.annotations.NullMarked;
