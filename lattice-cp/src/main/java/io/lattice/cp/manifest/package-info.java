/// What the control plane says about tenants and Raft groups: [Manifest], an immutable picture of all
/// of it, and where it comes from. Values only; any thread may read them. Knows neither the gateway
/// nor the store.
@NullMarked
package io.lattice.cp.manifest;

import org.jspecify.annotations.NullMarked;
