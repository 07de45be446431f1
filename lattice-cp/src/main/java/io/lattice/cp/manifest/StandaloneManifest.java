package io.lattice.cp.manifest;

import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The manifest of a cluster without a control plane: the tenants of the configuration, all in one group of all configured
/// nodes. It never changes.
public final class StandaloneManifest implements ManifestSource {
    /// The group's id.
    public static final String GROUP = "g1";

    /// The tenant with keyspace 1.
    public static final String FIRST_TENANT = "default";

    private static final int FIRST_KEYSPACE = 1;
    private static final long ROUTING_EPOCH = 1;

    private final Manifest manifest;

    /// What the configuration says about a tenant.
    ///
    /// @param access which clients it is for
    /// @param leaseTtl the TTLs it may have
    /// @param quota how much it may use
    /// @param service how it is served
    public record Entry(
            Manifest.Access access,
            LeaseTtlPolicy leaseTtl,
            QuotaPolicy quota,
            Manifest.Service service) {
        /// A tenant that is served as usual.
        public Entry(Manifest.Access access, LeaseTtlPolicy leaseTtl, QuotaPolicy quota) {
            this(access, leaseTtl, quota, Manifest.Service.USUAL);
        }
    }

    /// Makes the manifest from the configuration's static values.
    ///
    /// @param tenants by name; no two of them with one [#keyspace(String)]
    /// @param voters all nodes of the cluster
    public StandaloneManifest(Map<String, Entry> tenants, List<Manifest.Replica> voters) {
        Map<String, Manifest.Tenant> entries = new HashMap<>();
        tenants.forEach((name, entry) ->
                entries.put(
                        name,
                        new Manifest.Tenant(
                                keyspace(name),
                                GROUP,
                                ROUTING_EPOCH,
                                entry.access,
                                entry.leaseTtl,
                                entry.quota,
                                entry.service)));
        this.manifest = new Manifest(entries, Map.of(GROUP, new Manifest.Group(voters)));
    }

    /// The keyspace of a tenant: 1 for "default", else 31 bits of the name's SHA-256. It follows from the name alone, so that
    /// no order and no edit of the configuration, and no difference between two nodes' files, gives one tenant the keys of
    /// another.
    public static int keyspace(String tenant) {
        if (tenant.equals(FIRST_TENANT)) {
            return FIRST_KEYSPACE;
        }
        byte[] digest = Sha256.digest(tenant.getBytes(StandardCharsets.UTF_8));
        int hash = ByteBuffer.wrap(digest).getInt() & Integer.MAX_VALUE;
        return Math.max(hash, FIRST_KEYSPACE + 1);
    }

    @Override
    public Manifest current() {
        return manifest;
    }
}
