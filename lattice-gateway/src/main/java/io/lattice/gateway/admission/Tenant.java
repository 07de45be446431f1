package io.lattice.gateway.admission;

import io.grpc.Context;
import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;

/// A tenant as its calls find it.
///
/// @param name unique in the cluster
/// @param route where its calls go
/// @param leaseTtl the TTLs that its leases may have
/// @param quota how much it may use
/// @param meter what it has used on this node
public record Tenant(
        String name, Route route, LeaseTtlPolicy leaseTtl, QuotaPolicy quota, TenantMeter meter) {
    private static final Context.Key<Tenant> KEY = Context.key("lattice-tenant");

    /// The tenant that the call under way on this thread belongs to. Only while the service takes the call: what goes on
    /// later keeps what it needs.
    public static Tenant current() {
        Tenant tenant = KEY.get();
        if (tenant == null) {
            throw new IllegalStateException("a call without a tenant reached a service");
        }
        return tenant;
    }

    /// The keyspace that holds its keys.
    public int keyspace() {
        return route.keyspace();
    }

    /// `context` for a call of this tenant.
    Context in(Context context) {
        return context.withValue(KEY, this);
    }
}
