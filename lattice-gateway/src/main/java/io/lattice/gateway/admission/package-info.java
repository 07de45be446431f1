/// What stands between a call and its service, in order: tenant, identity, epoch, quota, metrics. So far every call
/// belongs to the one tenant of the standalone manifest.
@NullMarked
package io.lattice.gateway.admission;

import org.jspecify.annotations.NullMarked;
