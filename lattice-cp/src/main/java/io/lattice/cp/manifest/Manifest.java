package io.lattice.cp.manifest;

import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/// The tenants and the Raft groups of a cluster at one moment. Immutable, and never contradictory:
/// each tenant's group exists, and no two tenants share a keyspace or a TLS server name.
///
/// @param tenants by name
/// @param groups by id
/// @param digest "sha256:" and hexadecimal digits: the same on every node that has the same manifest
public record Manifest(Map<String, Tenant> tenants, Map<String, Group> groups, String digest) {
    /// No tenants and no groups: what a node knows before it has heard of any manifest.
    public static final Manifest EMPTY = new Manifest(Map.of(), Map.of());

    public Manifest {
        tenants = Map.copyOf(tenants);
        groups = Map.copyOf(groups);
        for (Map.Entry<String, Tenant> entry : tenants.entrySet()) {
            if (!groups.containsKey(entry.getValue().group())) {
                throw new IllegalArgumentException(
                        "tenant %s: found group %s; allowed %s"
                                .formatted(
                                        entry.getKey(), entry.getValue().group(), groups.keySet()));
            }
        }
        if (tenants.values().stream().map(Tenant::keyspace).distinct().count() < tenants.size()) {
            throw new IllegalArgumentException(
                    "found a keyspace of two tenants; allowed one each: " + tenants);
        }
        Map<String, String> named = new HashMap<>();
        tenants.forEach((name, tenant) ->
                tenant.access()
                        .serverNames()
                        .forEach(serverName -> {
                            String other = named.put(serverName, name);
                            if (other != null) {
                                throw new IllegalArgumentException(
                                        "server name %s: found tenants %s and %s; allowed one"
                                                .formatted(serverName, other, name));
                            }
                        }));
    }

    /// A manifest that wasn't made from documents: its digest is that of its values.
    public Manifest(Map<String, Tenant> tenants, Map<String, Group> groups) {
        this(tenants, groups, digest(tenants, groups));
    }

    /// The maps of a manifest have no order of their own.
    private static String digest(Map<String, Tenant> tenants, Map<String, Group> groups) {
        String text = new TreeMap<>(tenants) + "\n" + new TreeMap<>(groups);
        return Sha256.tagged(text.getBytes(StandardCharsets.UTF_8));
    }

    /// One tenant.
    ///
    /// @param keyspace the id that all its keys begin with; positive
    /// @param group the Raft group that holds it
    /// @param routingEpoch counts the moves of the tenant; positive
    /// @param access which clients it is for
    /// @param leaseTtl the TTLs it may have
    /// @param quota how much it may use
    /// @param service how it is served
    public record Tenant(
            int keyspace,
            String group,
            long routingEpoch,
            Access access,
            LeaseTtlPolicy leaseTtl,
            QuotaPolicy quota,
            Service service) {
        public Tenant {
            if (keyspace < 1) {
                throw new IllegalArgumentException(
                        "keyspace: found " + keyspace + "; allowed 1 or more");
            }
            Objects.requireNonNull(group, "group");
            if (routingEpoch < 1) {
                throw new IllegalArgumentException(
                        "routing epoch: found " + routingEpoch + "; allowed 1 or more");
            }
            Objects.requireNonNull(access, "access");
            Objects.requireNonNull(leaseTtl, "leaseTtl");
            Objects.requireNonNull(quota, "quota");
            Objects.requireNonNull(service, "service");
        }

        /// A tenant that is served as usual.
        public Tenant(
                int keyspace,
                String group,
                long routingEpoch,
                Access access,
                LeaseTtlPolicy leaseTtl,
                QuotaPolicy quota) {
            this(keyspace, group, routingEpoch, access, leaseTtl, quota, Service.USUAL);
        }
    }

    /// How a tenant is served.
    ///
    /// @param active whether its calls are served at all
    /// @param watchIdleTimeout a watch stream without a watcher ends after this time
    public record Service(boolean active, Duration watchIdleTimeout) {
        /// Active, with the timeout that the configuration has by default.
        public static final Service USUAL = new Service(true, Duration.ofMinutes(5));

        public Service {
            if (watchIdleTimeout.isNegative() || watchIdleTimeout.isZero()) {
                throw new IllegalArgumentException(
                        "watch idle timeout: found "
                                + watchIdleTimeout
                                + "; allowed more than zero");
            }
        }
    }

    /// Which clients a tenant is for.
    ///
    /// @param identities common names and subject alternative names of client certificates that may use the tenant; in a
    ///     manifest from a configuration, one may stand with several tenants
    /// @param serverNames TLS server names, in lower case, under which clients reach the tenant
    public record Access(Set<String> identities, Set<String> serverNames) {
        /// Nobody in particular.
        public static final Access NONE = new Access(Set.of(), Set.of());

        public Access {
            identities = Set.copyOf(identities);
            serverNames = Set.copyOf(serverNames);
        }

        /// In one order, since the manifest's digest is taken of it.
        @Override
        public String toString() {
            return "Access[identities=%s, serverNames=%s]"
                    .formatted(new TreeSet<>(identities), new TreeSet<>(serverNames));
        }
    }

    /// One Raft group.
    ///
    /// @param voters its voting members in a fixed order; never empty
    /// @param listeners those that have the data and don't vote
    public record Group(List<Replica> voters, List<Replica> listeners) {
        public Group {
            voters = List.copyOf(voters);
            listeners = List.copyOf(listeners);
            if (voters.isEmpty()) {
                throw new IllegalArgumentException("voters: found none; allowed 1 or more");
            }
        }

        /// A group of voters only.
        public Group(List<Replica> voters) {
            this(voters, List.of());
        }
    }

    /// One member of a group.
    ///
    /// @param nodeId unique in the cluster
    /// @param raftAddress `host:port` where the other members reach it
    /// @param clientUrls where clients reach it; empty if the manifest doesn't say
    public record Replica(String nodeId, String raftAddress, List<String> clientUrls) {
        public Replica {
            Objects.requireNonNull(nodeId, "nodeId");
            Objects.requireNonNull(raftAddress, "raftAddress");
            clientUrls = List.copyOf(clientUrls);
        }

        /// A member whose client URLs the manifest doesn't know.
        public Replica(String nodeId, String raftAddress) {
            this(nodeId, raftAddress, List.of());
        }
    }
}
