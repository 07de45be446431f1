package io.lattice.cp.document;

import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import java.time.Duration;

/// What a node's configuration says about tenants whose document says nothing.
public record TenantDefaults(
        LeaseTtlPolicy leaseTtl, QuotaPolicy quota, Duration watchIdleTimeout) {}
