package io.lattice.gateway.config;

import io.lattice.cp.manifest.StandaloneManifest;
import io.lattice.gateway.config.LatticeConfig.Admin;
import io.lattice.gateway.config.LatticeConfig.Cluster;
import io.lattice.gateway.config.LatticeConfig.ControlPlane;
import io.lattice.gateway.config.LatticeConfig.ControlPlaneMode;
import io.lattice.gateway.config.LatticeConfig.DurabilityMode;
import io.lattice.gateway.config.LatticeConfig.GrpcListener;
import io.lattice.gateway.config.LatticeConfig.Limits;
import io.lattice.gateway.config.LatticeConfig.Paths;
import io.lattice.gateway.config.LatticeConfig.Peer;
import io.lattice.gateway.config.LatticeConfig.Raft;
import io.lattice.gateway.config.LatticeConfig.Storage;
import io.lattice.gateway.config.LatticeConfig.Telemetry;
import io.lattice.gateway.config.LatticeConfig.Tenants;
import io.lattice.gateway.config.LatticeConfig.Tuning;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/// What must hold between keys, and what this version can't do yet. Pure: looks at values only, never
/// at the file system. The range of a single key is its [ConfigKey]'s business.
final class ConfigRules {
    /// A broken rule.
    ///
    /// @param keys the keys that contradict each other, the one to report first
    record Violation(List<ConfigKey<?>> keys, String found, String allowed) {
        @Override
        public String toString() {
            return keys.getFirst().name() + ": found " + found + "; allowed " + allowed;
        }
    }

    private final List<Violation> violations = new ArrayList<>();

    private ConfigRules() {}

    /// All violations; empty if the sections go together.
    static List<Violation> check(
            ControlPlane controlPlane,
            Cluster cluster,
            GrpcListener grpc,
            Storage storage,
            Tenants tenants,
            Telemetry telemetry,
            Tuning tuning) {
        ConfigRules rules = new ConfigRules();
        boolean placed = controlPlane.mode() == ControlPlaneMode.CLUSTOR;
        rules.controlPlane(controlPlane);
        if (placed) {
            rules.placement(cluster);
        } else {
            rules.peers(cluster);
            rules.quorum(storage, cluster);
        }
        rules.clientUrls(cluster, grpc);
        rules.ports(cluster, grpc, telemetry);
        rules.durability(storage);
        rules.paths(storage.paths());
        rules.leases(tenants);
        rules.tenants(tenants);
        rules.timeouts(tuning.raft(), tuning.limits(), tuning.admin());
        return List.copyOf(rules.violations);
    }

    private void add(String found, String allowed, ConfigKey<?>... keys) {
        violations.add(new Violation(List.of(keys), found, allowed));
    }

    private void controlPlane(ControlPlane controlPlane) {
        if (controlPlane.mode() != ControlPlaneMode.CLUSTOR) {
            return;
        }
        if (controlPlane.endpoints().isEmpty()) {
            add(
                    "no endpoints",
                    "at least one if control_plane.mode is \"clustor\"",
                    ConfigKeys.CONTROL_PLANE_ENDPOINTS,
                    ConfigKeys.CONTROL_PLANE_MODE);
        }
        for (URI endpoint : controlPlane.endpoints()) {
            if ("https".equals(endpoint.getScheme()) && controlPlane.tls() == null) {
                add(
                        ValueType.quote(endpoint.toString()) + " without certificates",
                        "https endpoints together with tls_chain_path, tls_key_path and tls_ca_path"
                                + " of control_plane, or of the client port",
                        ConfigKeys.CONTROL_PLANE_ENDPOINTS,
                        ConfigKeys.CONTROL_PLANE_TLS_CHAIN,
                        ConfigKeys.CONTROL_PLANE_TLS_KEY,
                        ConfigKeys.CONTROL_PLANE_TLS_CA,
                        ConfigKeys.GRPC_TLS_CHAIN,
                        ConfigKeys.GRPC_TLS_KEY,
                        ConfigKeys.GRPC_CLIENT_CA);
                return;
            }
        }
    }

    /// With a control plane, placement comes from the manifest, and nothing here may contradict it.
    private void placement(Cluster cluster) {
        if (!cluster.peers().isEmpty()) {
            add(
                    cluster.peers().toString(),
                    "nothing if control_plane.mode is \"clustor\": the manifest places the nodes",
                    ConfigKeys.CLUSTER_PEERS,
                    ConfigKeys.CONTROL_PLANE_MODE);
        }
    }

    private void peers(Cluster cluster) {
        if (cluster.peers().isEmpty()) {
            add("no peers", "at least this node itself", ConfigKeys.CLUSTER_PEERS);
        }
        Set<String> ids = new HashSet<>();
        Set<HostPort> addresses = new HashSet<>();
        for (Peer peer : cluster.peers()) {
            if (!ids.add(peer.nodeId())) {
                add(
                        "the node id " + peer.nodeId() + " twice",
                        "each node id once",
                        ConfigKeys.CLUSTER_PEERS);
            }
            if (!addresses.add(peer.raftAddress())) {
                add(
                        "the address " + peer.raftAddress() + " twice",
                        "each address once",
                        ConfigKeys.CLUSTER_PEERS);
            }
            if (peer.raftAddress().isWildcard()) {
                add(
                        "the address " + peer.raftAddress(),
                        "addresses that the other nodes can dial",
                        ConfigKeys.CLUSTER_PEERS);
            }
        }
        cluster.peers().stream()
                .filter(peer -> peer.nodeId().equals(cluster.nodeId()))
                .findFirst()
                .ifPresentOrElse(
                        self -> raftAddress(cluster, self),
                        () ->
                                add(
                                        cluster.peers() + " without this node",
                                        "a list with an entry for cluster.node_id "
                                                + cluster.nodeId(),
                                        ConfigKeys.CLUSTER_PEERS,
                                        ConfigKeys.CLUSTER_NODE_ID));
        if (cluster.raftAddress().isWildcard()) {
            add(
                    cluster.raftAddress().toString(),
                    "an address that the other nodes can dial",
                    ConfigKeys.CLUSTER_RAFT_ADDRESS);
        }
    }

    private void raftAddress(Cluster cluster, Peer self) {
        if (!self.raftAddress().equals(cluster.raftAddress())) {
            add(
                    cluster.raftAddress().toString(),
                    self.raftAddress()
                            + ", the address of "
                            + self.nodeId()
                            + " in cluster.peers (or leave the key out)",
                    ConfigKeys.CLUSTER_RAFT_ADDRESS,
                    ConfigKeys.CLUSTER_PEERS,
                    ConfigKeys.CLUSTER_NODE_ID);
        }
        boolean others = cluster.peers().size() > 1;
        if (others && cluster.raftBind().isLoopback() && !self.raftAddress().isLoopback()) {
            add(
                    cluster.raftBind() + ", which the other nodes can't reach",
                    "an address of the interface of " + self.raftAddress(),
                    ConfigKeys.CLUSTER_RAFT_BIND,
                    ConfigKeys.CLUSTER_PEERS,
                    ConfigKeys.CLUSTER_NODE_ID);
        }
    }

    private void clientUrls(Cluster cluster, GrpcListener grpc) {
        String scheme = grpc.insecure() ? "http" : "https";
        for (URI url : cluster.clientUrls()) {
            if (!scheme.equals(url.getScheme())) {
                add(
                        ValueType.quote(url.toString()),
                        scheme
                                + " URLs, since the client port speaks "
                                + (grpc.insecure() ? "plain text" : "TLS"),
                        ConfigKeys.CLUSTER_CLIENT_URLS,
                        ConfigKeys.GRPC_INSECURE,
                        ConfigKeys.GRPC_TLS_CHAIN,
                        ConfigKeys.GRPC_TLS_KEY,
                        ConfigKeys.GRPC_CLIENT_CA);
            }
        }
    }

    private void ports(Cluster cluster, GrpcListener grpc, Telemetry telemetry) {
        if (grpc.bind().collidesWith(cluster.raftBind())) {
            add(
                    cluster.raftBind() + ", which collides with listeners.grpc.bind " + grpc.bind(),
                    "another port",
                    ConfigKeys.CLUSTER_RAFT_BIND,
                    ConfigKeys.GRPC_BIND);
        }
        if (!telemetry.enabled()) {
            return;
        }
        HostPort metrics = telemetry.metricsBind();
        if (metrics.collidesWith(grpc.bind())) {
            add(
                    metrics + ", which collides with listeners.grpc.bind " + grpc.bind(),
                    "another port",
                    ConfigKeys.TELEMETRY_METRICS_BIND,
                    ConfigKeys.GRPC_BIND);
        }
        if (metrics.collidesWith(cluster.raftBind())) {
            add(
                    metrics + ", which collides with cluster.raft_bind " + cluster.raftBind(),
                    "another port",
                    ConfigKeys.TELEMETRY_METRICS_BIND,
                    ConfigKeys.CLUSTER_RAFT_BIND);
        }
    }

    private void durability(Storage storage) {
        DurabilityMode mode = storage.durability().mode();
        if (mode != DurabilityMode.QUORUM) {
            add(
                    ValueType.quote(ValueType.spelling(mode))
                            + ", which is not available in this version",
                    "\"quorum\"",
                    ConfigKeys.DURABILITY_MODE);
        }
    }

    private void quorum(Storage storage, Cluster cluster) {
        int quorum = storage.durability().quorumSize();
        if (quorum != cluster.majority()) {
            add(
                    Integer.toString(quorum),
                    cluster.majority()
                            + ", the majority of the "
                            + cluster.peers().size()
                            + " voter(s) in cluster.peers (or leave the key out)",
                    ConfigKeys.DURABILITY_QUORUM_SIZE,
                    ConfigKeys.CLUSTER_PEERS);
        }
    }

    private void paths(Paths paths) {
        Path data = paths.dataDir();
        Path wal = paths.walDir();
        if (data.startsWith(wal) || wal.startsWith(data)) {
            String relation =
                    data.equals(wal)
                            ? ", the same directory as paths.data_dir"
                            : wal.startsWith(data)
                                    ? ", which lies in paths.data_dir " + data
                                    : ", which contains paths.data_dir " + data;
            add(
                    ValueType.quote(wal.toString()) + relation,
                    "a directory of its own",
                    ConfigKeys.PATHS_WAL_DIR,
                    ConfigKeys.PATHS_DATA_DIR);
        }
    }

    private void leases(Tenants tenants) {
        if (tenants.leaseTtlDefault().compareTo(tenants.leaseTtlMax()) > 0) {
            add(
                    Long.toString(tenants.leaseTtlDefault().toMillis()),
                    "at most tenants.lease_ttl_max_ms, which is "
                            + tenants.leaseTtlMax().toMillis(),
                    ConfigKeys.TENANTS_LEASE_TTL_DEFAULT,
                    ConfigKeys.TENANTS_LEASE_TTL_MAX);
        }
    }

    private void tenants(Tenants tenants) {
        Map<Integer, String> keyspaces = new HashMap<>();
        Map<String, String> serverNames = new HashMap<>();
        for (String name : new TreeSet<>(tenants.tenants().keySet())) {
            String other = keyspaces.put(StandaloneManifest.keyspace(name), name);
            if (other != null) {
                add(
                        ValueType.quote(name),
                        "another name: by chance this one makes the same keyspace as " + other,
                        TenantKeys.of(name, TenantKeys.IDENTITIES));
            }
            TenantConfig tenant = Objects.requireNonNull(tenants.tenants().get(name));
            for (String serverName : tenant.serverNames()) {
                String holder = serverNames.putIfAbsent(serverName, name);
                if (holder != null && !holder.equals(name)) {
                    add(
                            ValueType.quote(serverName),
                            "names that stand for no other tenant; this one stands for " + holder,
                            TenantKeys.of(name, TenantKeys.SERVER_NAMES),
                            TenantKeys.of(holder, TenantKeys.SERVER_NAMES));
                }
            }
        }
    }

    private void timeouts(Raft raft, Limits limits, Admin admin) {
        long electionMin = raft.electionTimeoutMin().toMillis();
        long electionMax = raft.electionTimeoutMax().toMillis();
        if (electionMin >= electionMax) {
            add(
                    Long.toString(electionMax),
                    "more than raft.election_timeout_min_ms, which is " + electionMin,
                    ConfigKeys.RAFT_ELECTION_TIMEOUT_MAX,
                    ConfigKeys.RAFT_ELECTION_TIMEOUT_MIN);
        }
        long request = limits.requestTimeout().toMillis();
        if (request < 2 * electionMax) {
            add(
                    Long.toString(request),
                    "at least "
                            + 2 * electionMax
                            + ", twice raft.election_timeout_max_ms, so that a request outlives an"
                            + " election",
                    ConfigKeys.LIMITS_REQUEST_TIMEOUT,
                    ConfigKeys.RAFT_ELECTION_TIMEOUT_MAX);
        }
        if (admin.drainTimeout().compareTo(admin.shutdownTimeout()) >= 0) {
            add(
                    Long.toString(admin.drainTimeout().toMillis()),
                    "less than admin.shutdown_timeout_ms, which is "
                            + admin.shutdownTimeout().toMillis(),
                    ConfigKeys.ADMIN_DRAIN_TIMEOUT,
                    ConfigKeys.ADMIN_SHUTDOWN_TIMEOUT);
        }
    }
}
