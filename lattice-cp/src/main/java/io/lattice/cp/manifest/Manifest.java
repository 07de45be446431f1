package io.lattice.cp.manifest;

import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/// The tenants and the Raft groups of a cluster at one moment. Immutable, and never contradictory:
/// each tenant's group exists, and no two tenants share a keyspace or a TLS server name.
///
/// @param tenants by name
/// @param groups by id
public record Manifest(Map<String, Tenant> tenants, Map<String, Group> groups) {
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

    /// One tenant.
    ///
    /// @param keyspace the id that all its keys begin with; positive
    /// @param group the Raft group that holds it
    /// @param routingEpoch counts the moves of the tenant; positive
    /// @param access which clients it is for
    /// @param leaseTtl the TTLs it may have
    /// @param quota how much it may use
    public record Tenant(
            int keyspace,
            String group,
            long routingEpoch,
            Access access,
            LeaseTtlPolicy leaseTtl,
            QuotaPolicy quota) {
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
        }
    }

    /// Which clients a tenant is for.
    ///
    /// @param identities common names and subject alternative names of client certificates that may use the tenant; one
    ///     may stand with several tenants
    /// @param serverNames TLS server names, in lower case, under which clients reach the tenant
    public record Access(Set<String> identities, Set<String> serverNames) {
        /// Nobody in particular.
        public static final Access NONE = new Access(Set.of(), Set.of());

        public Access {
            identities = Set.copyOf(identities);
            serverNames = Set.copyOf(serverNames);
        }
    }

    /// One Raft group.
    ///
    /// @param voters its members in a fixed order; never empty
    public record Group(List<Voter> voters) {
        public Group {
            voters = List.copyOf(voters);
            if (voters.isEmpty()) {
                throw new IllegalArgumentException("voters: found none; allowed 1 or more");
            }
        }
    }

    /// One voting member of a group.
    ///
    /// @param nodeId unique in the cluster
    /// @param raftAddress `host:port` where the other members reach it
    public record Voter(String nodeId, String raftAddress) {
        public Voter {
            Objects.requireNonNull(nodeId, "nodeId");
            Objects.requireNonNull(raftAddress, "raftAddress");
        }
    }
}
