package io.lattice.cp.document;

import io.lattice.cp.manifest.StandaloneManifest;
import io.lattice.proto.manifest.GroupDocument;
import io.lattice.proto.manifest.LeaseTtl;
import io.lattice.proto.manifest.Quotas;
import io.lattice.proto.manifest.Replica;
import io.lattice.proto.manifest.TenantDocument;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;

/// What must hold of each document and of all together.
final class DocumentRules {
    /// etcd's greatest TTL.
    private static final long TTL_SECONDS_MAX = 9_000_000_000L;

    private static final long RATE_MAX = 1L << 40;
    private static final long STORED_BYTES_MAX = 1L << 50;
    private static final long IDLE_MS_MIN = 1_000;
    private static final long IDLE_MS_MAX = 86_400_000;

    private final List<Problem> problems = new ArrayList<>();
    private final SortedMap<String, TenantDocument> tenants;
    private final SortedMap<String, GroupDocument> groups;

    private DocumentRules(
            SortedMap<String, TenantDocument> tenants, SortedMap<String, GroupDocument> groups) {
        this.tenants = tenants;
        this.groups = groups;
    }

    /// All that is wrong, in the order of the keys.
    static List<Problem> check(
            SortedMap<String, TenantDocument> tenants, SortedMap<String, GroupDocument> groups) {
        DocumentRules rules = new DocumentRules(tenants, groups);
        if (groups.isEmpty()) {
            // Nobody means that: a prefix deleted by mistake must not take all tenants away.
            rules.add(ManifestDocuments.GROUPS, "", "no group", "at least one");
        }
        groups.forEach(rules::group);
        rules.nodes();
        tenants.forEach(rules::tenant);
        rules.tenantsTogether();
        return rules.problems;
    }

    private void add(String document, String field, String found, String allowed) {
        problems.add(new Problem(document, field, found, allowed));
    }

    private void name(String key, String name) {
        if (!Shape.NAME.matches(name)) {
            add(key, "", "the name " + JsonDocument.quote(name), Shape.NAME.allowed());
        }
    }

    private void group(String name, GroupDocument group) {
        String key = ManifestDocuments.GROUPS + name;
        name(key, name);
        Set<String> ids = new HashSet<>();
        int voters = 0;
        for (Replica replica : group.getReplicasList()) {
            String at = "replicas[" + replica.getNodeId() + "]";
            shape(key, at + ".nodeId", replica.getNodeId(), Shape.NAME);
            shape(key, at + ".raftAddress", replica.getRaftAddress(), Shape.ADDRESS);
            for (String url : replica.getClientUrlsList()) {
                shape(key, at + ".clientUrls", url, Shape.URL);
            }
            if (!ids.add(replica.getNodeId())) {
                add(key, at, "the node id twice", "each node id once in a group");
            }
            if (replica.getRole() == Replica.Role.VOTER) {
                voters++;
            }
        }
        if (voters == 0) {
            add(
                    key,
                    "replicas",
                    group.getReplicasCount() == 0 ? "none" : "listeners only",
                    "at least one voter");
        }
    }

    private void shape(String key, String field, String value, Shape shape) {
        if (!shape.matches(value)) {
            add(
                    key,
                    field,
                    value.isEmpty() ? "nothing" : JsonDocument.quote(value),
                    shape.allowed());
        }
    }

    /// A node is the same in all its groups, and no two nodes have one address.
    private void nodes() {
        Map<String, Replica> byId = new HashMap<>();
        Map<String, String> byAddress = new HashMap<>();
        groups.forEach((name, group) -> {
            String key = ManifestDocuments.GROUPS + name;
            for (Replica replica : group.getReplicasList()) {
                String at = "replicas[" + replica.getNodeId() + "]";
                Replica known = byId.putIfAbsent(replica.getNodeId(), replica);
                if (known != null && !known.getRaftAddress().equals(replica.getRaftAddress())) {
                    add(
                            key,
                            at + ".raftAddress",
                            JsonDocument.quote(replica.getRaftAddress()),
                            JsonDocument.quote(known.getRaftAddress())
                                    + ", the node's in another place");
                }
                if (known != null
                        && !known.getClientUrlsList().equals(replica.getClientUrlsList())) {
                    add(
                            key,
                            at + ".clientUrls",
                            replica.getClientUrlsList().toString(),
                            known.getClientUrlsList() + ", the node's in another place");
                }
                String holder =
                        byAddress.putIfAbsent(replica.getRaftAddress(), replica.getNodeId());
                if (holder != null && !holder.equals(replica.getNodeId())) {
                    add(
                            key,
                            at + ".raftAddress",
                            JsonDocument.quote(replica.getRaftAddress())
                                    + ", which is the address of "
                                    + holder,
                            "an address of its own");
                }
            }
        });
    }

    private void tenant(String name, TenantDocument tenant) {
        String key = ManifestDocuments.TENANTS + name;
        name(key, name);
        range(key, "routingEpoch", tenant.getRoutingEpoch(), 1, Long.MAX_VALUE);
        if (!groups.containsKey(tenant.getGroup())) {
            add(
                    key,
                    "group",
                    tenant.getGroup().isEmpty() ? "nothing" : JsonDocument.quote(tenant.getGroup()),
                    groups.isEmpty() ? "a group" : "one of " + String.join(", ", groups.keySet()));
        }
        if (tenant.hasWatchIdleTimeoutMs()) {
            range(
                    key,
                    "watchIdleTimeoutMs",
                    tenant.getWatchIdleTimeoutMs(),
                    IDLE_MS_MIN,
                    IDLE_MS_MAX);
        }
        for (String identity : tenant.getIdentities().getCertificatesList()) {
            shape(key, "identities.certificates", identity, Shape.IDENTITY);
        }
        for (String serverName : tenant.getIdentities().getServerNamesList()) {
            shape(key, "identities.serverNames", serverName, Shape.SERVER_NAME);
        }
        Quotas quotas = tenant.getQuotas();
        range(key, "quotas.requestsPerSecond", quotas.getRequestsPerSecond(), 0, RATE_MAX);
        range(key, "quotas.bytesPerSecond", quotas.getBytesPerSecond(), 0, RATE_MAX);
        range(key, "quotas.storedBytes", quotas.getStoredBytes(), 0, STORED_BYTES_MAX);
        leaseTtl(key, tenant.getLeaseTtl());
    }

    private void range(String key, String field, long value, long least, long most) {
        if (value < least || value > most) {
            add(
                    key,
                    field,
                    Long.toString(value),
                    most == Long.MAX_VALUE ? least + " or more" : least + " to " + most);
        }
    }

    private void leaseTtl(String key, LeaseTtl ttl) {
        long least = 0;
        String lower = "";
        if (ttl.hasMinSeconds()) {
            range(key, "leaseTtl.minSeconds", ttl.getMinSeconds(), 1, TTL_SECONDS_MAX);
            least = ttl.getMinSeconds();
            lower = "leaseTtl.minSeconds";
        }
        if (ttl.hasDefaultSeconds()) {
            range(key, "leaseTtl.defaultSeconds", ttl.getDefaultSeconds(), 1, TTL_SECONDS_MAX);
            notBelow(key, "leaseTtl.defaultSeconds", ttl.getDefaultSeconds(), least, lower);
            least = Math.max(least, ttl.getDefaultSeconds());
            lower = least == ttl.getDefaultSeconds() ? "leaseTtl.defaultSeconds" : lower;
        }
        if (ttl.hasMaxSeconds()) {
            range(key, "leaseTtl.maxSeconds", ttl.getMaxSeconds(), 1, TTL_SECONDS_MAX);
            notBelow(key, "leaseTtl.maxSeconds", ttl.getMaxSeconds(), least, lower);
        }
    }

    private void notBelow(String key, String field, long value, long least, String lower) {
        if (value < least) {
            add(key, field, Long.toString(value), least + " or more, as " + lower + " says");
        }
    }

    /// What stands for one tenant stands for no other, nor twice for one.
    private void tenantsTogether() {
        Map<String, String> identities = new HashMap<>();
        Map<String, String> serverNames = new HashMap<>();
        Map<Integer, String> keyspaces = new HashMap<>();
        tenants.forEach((name, tenant) -> {
            String key = ManifestDocuments.TENANTS + name;
            once(
                    key,
                    "identities.certificates",
                    name,
                    tenant.getIdentities().getCertificatesList(),
                    identities);
            once(
                    key,
                    "identities.serverNames",
                    name,
                    tenant.getIdentities().getServerNamesList(),
                    serverNames);
            String other = keyspaces.putIfAbsent(StandaloneManifest.keyspace(name), name);
            if (other != null) {
                add(
                        key,
                        "",
                        "the name " + JsonDocument.quote(name),
                        "another name: by chance this one makes the same keyspace as " + other);
            }
        });
    }

    private void once(
            String key,
            String field,
            String tenant,
            List<String> values,
            Map<String, String> holders) {
        for (String value : values) {
            String holder = holders.putIfAbsent(value, tenant);
            if (holder != null) {
                add(
                        key,
                        field,
                        JsonDocument.quote(value)
                                + (holder.equals(tenant)
                                        ? " twice"
                                        : ", which stands for tenant " + holder),
                        "each of them once, for one tenant");
            }
        }
    }
}
