package io.lattice.gateway.node;

import io.lattice.cp.document.TenantDefaults;
import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.manifest.StandaloneManifest;
import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.config.TenantConfig;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/// The configuration's tenants in the terms of the manifest.
final class TenantMapping {
    private TenantMapping() {}

    /// What the configuration says of tenants whose documents say nothing.
    static TenantDefaults defaults(LatticeConfig config) {
        // With a control plane no tenant has a table of its own, so any has what holds for all.
        TenantConfig any =
                Objects.requireNonNull(
                        config.tenants().tenants().get(config.tenants().defaultTenant()));
        return new TenantDefaults(any.leaseTtl(), any.quota(), config.tenants().watchIdleTimeout());
    }

    /// The manifest of a cluster without a control plane.
    static StandaloneManifest standalone(LatticeConfig config) {
        Map<String, StandaloneManifest.Entry> entries = new HashMap<>();
        config.tenants()
                .tenants()
                .forEach((name, tenant) ->
                        entries.put(
                                name,
                                new StandaloneManifest.Entry(
                                        new Manifest.Access(
                                                Set.copyOf(tenant.identities()),
                                                Set.copyOf(tenant.serverNames())),
                                        tenant.leaseTtl(),
                                        tenant.quota(),
                                        new Manifest.Service(
                                                true, config.tenants().watchIdleTimeout()))));
        return new StandaloneManifest(
                entries,
                config.cluster().peers().stream()
                        .map(p -> new Manifest.Replica(p.nodeId(), p.raftAddress().toString()))
                        .toList());
    }
}
