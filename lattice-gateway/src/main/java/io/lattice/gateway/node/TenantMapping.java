package io.lattice.gateway.node;

import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.manifest.StandaloneManifest;
import io.lattice.gateway.config.LatticeConfig;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/// The configuration's tenants in the terms of the manifest.
final class TenantMapping {
    private TenantMapping() {}

    /// The manifest of a cluster without a control plane.
    static Manifest manifest(LatticeConfig config) {
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
        return new StandaloneManifest(
                        entries,
                        config.cluster().peers().stream()
                                .map(p ->
                                        new Manifest.Voter(p.nodeId(), p.raftAddress().toString()))
                                .toList())
                .current();
    }
}
