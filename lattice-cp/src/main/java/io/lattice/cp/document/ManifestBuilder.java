package io.lattice.cp.document;

import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.manifest.StandaloneManifest;
import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import io.lattice.cp.policy.QuotaPolicy.SpaceRecovery;
import io.lattice.proto.manifest.GroupDocument;
import io.lattice.proto.manifest.LeaseTtl;
import io.lattice.proto.manifest.Quotas;
import io.lattice.proto.manifest.Replica;
import io.lattice.proto.manifest.TenantDocument;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Makes a manifest of good documents.
final class ManifestBuilder {
    private ManifestBuilder() {}

    static Manifest build(ManifestDocuments documents, TenantDefaults defaults) {
        Map<String, Manifest.Tenant> tenants = new HashMap<>();
        documents
                .tenants()
                .forEach((name, document) -> tenants.put(name, tenant(name, document, defaults)));
        Map<String, Manifest.Group> groups = new HashMap<>();
        documents.groups().forEach((name, document) -> groups.put(name, group(document)));
        return new Manifest(tenants, groups, documents.digest());
    }

    private static Manifest.Tenant tenant(
            String name, TenantDocument document, TenantDefaults defaults) {
        return new Manifest.Tenant(
                StandaloneManifest.keyspace(name),
                document.getGroup(),
                document.getRoutingEpoch(),
                new Manifest.Access(
                        Set.copyOf(document.getIdentities().getCertificatesList()),
                        Set.copyOf(document.getIdentities().getServerNamesList())),
                leaseTtl(document.getLeaseTtl(), defaults.leaseTtl()),
                quota(document.getQuotas(), defaults.quota()),
                new Manifest.Service(
                        !document.hasActive() || document.getActive(),
                        document.hasWatchIdleTimeoutMs()
                                ? Duration.ofMillis(document.getWatchIdleTimeoutMs())
                                : defaults.watchIdleTimeout()));
    }

    private static QuotaPolicy quota(Quotas given, QuotaPolicy otherwise) {
        return new QuotaPolicy(
                given.hasRequestsPerSecond()
                        ? given.getRequestsPerSecond()
                        : otherwise.requestsPerSecond(),
                given.hasBytesPerSecond() ? given.getBytesPerSecond() : otherwise.bytesPerSecond(),
                given.hasStoredBytes() ? given.getStoredBytes() : otherwise.storedBytes(),
                given.hasSpaceRecovery()
                        ? given.getSpaceRecovery() == Quotas.SpaceRecovery.AUTOMATIC
                                ? SpaceRecovery.AUTOMATIC
                                : SpaceRecovery.MANUAL
                        : otherwise.spaceRecovery());
    }

    /// What the document gives wins: the configuration's values give way to it, so that the same document is good on every
    /// node.
    private static LeaseTtlPolicy leaseTtl(LeaseTtl given, LeaseTtlPolicy otherwise) {
        long least =
                given.hasMinSeconds()
                        ? given.getMinSeconds()
                        : Math.min(
                                otherwise.minimum().toSeconds(),
                                given.hasDefaultSeconds()
                                        ? given.getDefaultSeconds()
                                        : given.hasMaxSeconds()
                                                ? given.getMaxSeconds()
                                                : Long.MAX_VALUE);
        long most =
                given.hasMaxSeconds()
                        ? given.getMaxSeconds()
                        : Math.max(
                                otherwise.maximum().toSeconds(),
                                given.hasDefaultSeconds() ? given.getDefaultSeconds() : least);
        long usual =
                given.hasDefaultSeconds()
                        ? given.getDefaultSeconds()
                        : Math.clamp(otherwise.defaultTtl().toSeconds(), least, most);
        return new LeaseTtlPolicy(
                Duration.ofSeconds(least), Duration.ofSeconds(usual), Duration.ofSeconds(most));
    }

    private static Manifest.Group group(GroupDocument document) {
        return new Manifest.Group(
                replicas(document, Replica.Role.VOTER), replicas(document, Replica.Role.LISTENER));
    }

    private static List<Manifest.Replica> replicas(GroupDocument document, Replica.Role role) {
        return document.getReplicasList().stream()
                .filter(replica -> replica.getRole() == role)
                .map(replica ->
                        new Manifest.Replica(
                                replica.getNodeId(),
                                replica.getRaftAddress(),
                                replica.getClientUrlsList()))
                .toList();
    }
}
