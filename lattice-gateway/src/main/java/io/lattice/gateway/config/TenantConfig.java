package io.lattice.gateway.config;

import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import java.util.List;
import java.util.Objects;

/// One tenant of a cluster without a control plane: the section `tenants.tenant.NAME`, with `tenants` and `limits` where it
/// says nothing. Immutable.
///
/// @param identities common names and subject alternative names of certificates that may use it
/// @param serverNames TLS server names that stand for it
/// @param quota how much it may use
/// @param leaseTtl the TTLs of its leases
public record TenantConfig(
        List<String> identities,
        List<String> serverNames,
        QuotaPolicy quota,
        LeaseTtlPolicy leaseTtl) {
    public TenantConfig {
        identities = TenantKeys.IDENTITIES.require(List.copyOf(identities));
        serverNames = TenantKeys.SERVER_NAMES.require(List.copyOf(serverNames));
        Objects.requireNonNull(quota, "quota");
        Objects.requireNonNull(leaseTtl, "leaseTtl");
    }
}
