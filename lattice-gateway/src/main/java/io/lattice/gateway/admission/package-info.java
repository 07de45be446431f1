/// What stands between a call and its service, in order: tenant, identity, epoch, quota, metrics. So far which tenant a
/// call belongs to, whether it came by the tenant's current routing, whether its quota lets the call in, and whose turn it is
/// where tenants share threads. Runs on the event loops: must not block. Knows neither consensus nor the store.
@NullMarked
package io.lattice.gateway.admission;

import org.jspecify.annotations.NullMarked;
