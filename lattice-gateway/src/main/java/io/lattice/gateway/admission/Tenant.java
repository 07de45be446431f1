package io.lattice.gateway.admission;

import io.grpc.Context;
import io.grpc.Status;
import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import org.jspecify.annotations.Nullable;

/// A tenant as its calls find it.
///
/// @param name unique in the cluster
/// @param route where its calls go
/// @param leaseTtl the TTLs that its leases may have
/// @param quota how much it may use
/// @param service how it is served
/// @param group the Raft group that holds it
/// @param meter what it has used on this node
public record Tenant(
        String name,
        Route route,
        LeaseTtlPolicy leaseTtl,
        QuotaPolicy quota,
        Manifest.Service service,
        String group,
        TenantMeter meter) {
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

    /// What its calls are told; null if they are served.
    @Nullable Status refusal() {
        return service.active()
                ? null
                : Status.PERMISSION_DENIED.withDescription(
                        "lattice: the tenant \"" + name + "\" is not active");
    }

    /// What its calls are told where its group isn't: clients of etcd go on with another endpoint.
    public Status elsewhere() {
        return Status.UNAVAILABLE.withDescription(
                "lattice: the tenant \""
                        + name
                        + "\" is in group "
                        + group
                        + ", which this node does not serve");
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
