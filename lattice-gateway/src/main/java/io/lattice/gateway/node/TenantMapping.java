package io.lattice.gateway.node;

import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.manifest.StandaloneManifest;
import io.lattice.gateway.admission.Tenants;
import io.lattice.gateway.config.LatticeConfig;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/// The configuration's tenants in the terms of the manifest and of admission.
final class TenantMapping {
    private TenantMapping() {}

    /// All tenants of a cluster without a control plane.
    static Tenants tenants(LatticeConfig config) {
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
                                        tenant.quota())));
        StandaloneManifest manifest =
                new StandaloneManifest(
                        entries,
                        config.cluster().peers().stream()
                                .map(p ->
                                        new Manifest.Voter(p.nodeId(), p.raftAddress().toString()))
                                .toList());
        return new Tenants(manifest.current(), config.tenants().defaultTenant());
    }
}
