package io.lattice.cp.manifest;

import io.lattice.cp.policy.LeaseTtlPolicy;
import java.util.List;
import java.util.Map;

/// The manifest of a cluster without a control plane: one tenant in one group of all configured nodes.
/// It never changes.
public final class StandaloneManifest implements ManifestSource {
    /// The group's id.
    public static final String GROUP = "g1";

    /// The keyspace of the only tenant.
    public static final int KEYSPACE = 1;

    private static final long ROUTING_EPOCH = 1;

    private final Manifest manifest;

    /// Makes the manifest from the configuration's static values.
    ///
    /// @param tenant the default tenant's name
    /// @param voters all nodes of the cluster
    public StandaloneManifest(String tenant, List<Manifest.Voter> voters, LeaseTtlPolicy leaseTtl) {
        this.manifest =
                new Manifest(
                        Map.of(
                                tenant,
                                new Manifest.Tenant(KEYSPACE, GROUP, ROUTING_EPOCH, leaseTtl)),
                        Map.of(GROUP, new Manifest.Group(voters)));
    }

    @Override
    public Manifest current() {
        return manifest;
    }
}
