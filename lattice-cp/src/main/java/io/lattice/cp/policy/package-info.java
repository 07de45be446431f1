/// What a tenant may have: rules by which the gateway settles a request before it is replicated. Values
/// only; any thread may read them.
@NullMarked
package io.lattice.cp.policy;

import org.jspecify.annotations.NullMarked;
