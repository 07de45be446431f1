package io.lattice.gateway.config;

import io.lattice.gateway.security.TlsFiles;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The complete configuration of one node, every default filled in. Immutable; an instance always
/// satisfies the range of each key ([ConfigKeys]) and the rules between keys ([ConfigRules]).
///
/// There is one nested record for each section of `config/lattice.toml`. Sections that belong
/// together are grouped: [Storage] holds `durability` and `paths`, [Tuning] holds `raft`, `batching`,
/// `limits` and `admin`; the accessors of the single sections are here as well.
///
/// The constructor throws [IllegalArgumentException], naming all rules that the sections break.
public record LatticeConfig(
        ControlPlane controlPlane,
        Cluster cluster,
        GrpcListener grpc,
        Storage storage,
        Tenants tenants,
        Telemetry telemetry,
        Tuning tuning) {

    public LatticeConfig {
        List<ConfigRules.Violation> violations =
                ConfigRules.check(controlPlane, cluster, grpc, storage, tenants, telemetry, tuning);
        if (!violations.isEmpty()) {
            throw new IllegalArgumentException(
                    violations.stream()
                            .map(ConfigRules.Violation::toString)
                            .collect(Collectors.joining("; ")));
        }
    }

    /// Section `durability`.
    public Durability durability() {
        return storage.durability();
    }

    /// Section `paths`.
    public Paths paths() {
        return storage.paths();
    }

    /// Section `raft`.
    public Raft raft() {
        return tuning.raft();
    }

    /// Section `batching`.
    public Batching batching() {
        return tuning.batching();
    }

    /// Section `limits`.
    public Limits limits() {
        return tuning.limits();
    }

    /// Section `admin`.
    public Admin admin() {
        return tuning.admin();
    }

    /// Where manifests (tenants, routing, policies) come from.
    public enum ControlPlaneMode {
        /// One built-in manifest, made from this configuration.
        STANDALONE,
        /// Manifests read from the endpoints of the control plane.
        CLUSTOR
    }

    /// Section `control_plane`.
    ///
    /// @param endpoints etcd v3 endpoints of the control plane; unused in standalone mode, else never empty
    /// @param tls for the connections to the endpoints; null: plain text
    /// @param cacheTtl age up to which a manifest counts as fresh
    /// @param cacheGrace what a manifest may be older than the TTL before it counts as stale
    public record ControlPlane(
            ControlPlaneMode mode,
            List<URI> endpoints,
            @Nullable TlsFiles tls,
            Duration cacheTtl,
            Duration cacheGrace) {
        public ControlPlane {
            ConfigKeys.CONTROL_PLANE_MODE.require(mode);
            endpoints = ConfigKeys.CONTROL_PLANE_ENDPOINTS.require(List.copyOf(endpoints));
            ConfigKeys.CONTROL_PLANE_CACHE_TTL.require(cacheTtl);
            ConfigKeys.CONTROL_PLANE_CACHE_GRACE.require(cacheGrace);
        }
    }

    /// One voter of the static peer list.
    ///
    /// @param nodeId the peer's `cluster.node_id`
    /// @param raftAddress where the other nodes reach its Raft port
    public record Peer(String nodeId, HostPort raftAddress) {
        public Peer {
            ConfigKeys.CLUSTER_NODE_ID.require(nodeId);
            Objects.requireNonNull(raftAddress, "raftAddress");
        }

        /// The form of `cluster.peers`: `n1=host:2380`.
        @Override
        public String toString() {
            return nodeId + "=" + raftAddress;
        }
    }

    /// Section `cluster`: this node and its peers.
    ///
    /// @param name the cluster's name; nodes of clusters with different names never talk to each other
    /// @param nodeId this node's id, unique and unchanging within the cluster
    /// @param raftBind where the Raft port listens
    /// @param raftAddress where the peers reach the Raft port; equal to this node's entry in `peers`. With a control plane a
    ///     guess, since the manifest says it
    /// @param peers all voters, this node included; with a control plane empty, else never
    /// @param clientUrls the client URLs that MemberList shows for this node; never empty
    /// @param tls for the Raft port; null: plain text, which goes with an insecure listener
    public record Cluster(
            String name,
            String nodeId,
            HostPort raftBind,
            HostPort raftAddress,
            List<Peer> peers,
            List<URI> clientUrls,
            @Nullable TlsFiles tls) {
        public Cluster {
            ConfigKeys.CLUSTER_NAME.require(name);
            ConfigKeys.CLUSTER_NODE_ID.require(nodeId);
            ConfigKeys.CLUSTER_RAFT_BIND.require(raftBind);
            ConfigKeys.CLUSTER_RAFT_ADDRESS.require(raftAddress);
            peers = ConfigKeys.CLUSTER_PEERS.require(List.copyOf(peers));
            clientUrls = ConfigKeys.CLUSTER_CLIENT_URLS.require(List.copyOf(clientUrls));
        }

        /// The smallest number of voters that is more than half of them.
        public int majority() {
            return peers.size() / 2 + 1;
        }
    }

    /// Protocol versions that can be asked for as the lowest.
    public enum TlsVersion {
        TLS_1_2("1.2"),
        TLS_1_3("1.3");

        private final String text;

        TlsVersion(String text) {
            this.text = text;
        }

        /// The name that JSSE and netty use, such as `TLSv1.3`.
        public String protocol() {
            return "TLSv" + text;
        }

        /// The value in the configuration file.
        @Override
        public String toString() {
            return text;
        }
    }

    /// Section `listeners.grpc`: the client port.
    ///
    /// @param tls the node's certificate and the CA of its clients; null: plain text
    ///     (`insecure = true`)
    /// @param maxConnections connections beyond this number are closed at once
    /// @param idleTimeout a connection without a call is closed after this time
    public record GrpcListener(
            HostPort bind,
            @Nullable TlsFiles tls,
            TlsVersion minTlsVersion,
            int maxConnections,
            Duration idleTimeout) {
        public GrpcListener {
            ConfigKeys.GRPC_BIND.require(bind);
            ConfigKeys.GRPC_MIN_TLS_VERSION.require(minTlsVersion);
            ConfigKeys.GRPC_MAX_CONNECTIONS.require(maxConnections);
            ConfigKeys.GRPC_IDLE_TIMEOUT.require(idleTimeout);
        }

        /// Whether the port speaks plain text.
        public boolean insecure() {
            return tls == null;
        }
    }

    /// When a write is acknowledged.
    public enum DurabilityMode {
        /// When all voters have it on disk.
        SYNC,
        /// When a majority of the voters have it on disk.
        QUORUM,
        /// When a majority of the voters have it in memory.
        ASYNC
    }

    /// When the Raft log is synced to disk.
    public enum FsyncPolicy {
        /// Before an entry counts as stored.
        ALWAYS
    }

    /// Section `durability`.
    ///
    /// @param quorumSize the majority of the voters; 0: whatever that is, by the manifest
    public record Durability(DurabilityMode mode, int quorumSize, FsyncPolicy fsyncPolicy) {
        public Durability {
            ConfigKeys.DURABILITY_MODE.require(mode);
            if (quorumSize != 0) {
                ConfigKeys.DURABILITY_QUORUM_SIZE.require(quorumSize);
            }
            ConfigKeys.DURABILITY_FSYNC_POLICY.require(fsyncPolicy);
        }
    }

    /// Section `paths`. Both are absolute and normalized; neither contains the other.
    ///
    /// @param dataDir RocksDB and its snapshots
    /// @param walDir the Raft log
    public record Paths(Path dataDir, Path walDir) {
        public Paths {
            ConfigKeys.PATHS_DATA_DIR.require(dataDir);
            ConfigKeys.PATHS_WAL_DIR.require(walDir);
        }
    }

    /// Sections `durability` and `paths`.
    public record Storage(Durability durability, Paths paths) {
        public Storage {
            Objects.requireNonNull(durability, "durability");
            Objects.requireNonNull(paths, "paths");
        }
    }

    /// Section `tenants`: what holds for a tenant that its manifest says nothing else about.
    ///
    /// @param qpsLimit requests per second; null: unlimited
    /// @param bytesLimit bytes per second; null: unlimited
    /// @param leaseTtlDefault TTL of a lease that is asked for with TTL 0
    /// @param leaseTtlMax longer TTLs are cut to this
    /// @param watchIdleTimeout a watch stream without watchers is closed after this time
    /// @param tenants all tenants by name, the default one among them, each with what holds for it
    public record Tenants(
            String defaultTenant,
            @Nullable Long qpsLimit,
            @Nullable Long bytesLimit,
            Duration leaseTtlDefault,
            Duration leaseTtlMax,
            Duration watchIdleTimeout,
            Map<String, TenantConfig> tenants) {
        public Tenants {
            ConfigKeys.TENANTS_DEFAULT_TENANT.require(defaultTenant);
            if (qpsLimit != null) {
                ConfigKeys.TENANTS_QPS_LIMIT.require(qpsLimit);
            }
            if (bytesLimit != null) {
                ConfigKeys.TENANTS_BYTES_LIMIT.require(bytesLimit);
            }
            ConfigKeys.TENANTS_LEASE_TTL_DEFAULT.require(leaseTtlDefault);
            ConfigKeys.TENANTS_LEASE_TTL_MAX.require(leaseTtlMax);
            ConfigKeys.TENANTS_WATCH_IDLE_TIMEOUT.require(watchIdleTimeout);
            tenants = Map.copyOf(tenants);
            tenants.keySet().forEach(ConfigKeys.TENANTS_DEFAULT_TENANT::require);
            if (!tenants.containsKey(defaultTenant)) {
                throw new IllegalArgumentException(
                        "tenants: found no " + defaultTenant + ", which is the default tenant");
            }
        }
    }

    /// Least severe message that is logged.
    public enum LogLevel {
        ERROR,
        WARN,
        INFO,
        DEBUG,
        TRACE
    }

    /// Where who did what is written down.
    ///
    /// @param path of the file that is written to; older ones stand beside it
    /// @param reads whether calls that change nothing are written down too
    /// @param bytesMax size of one file
    /// @param filesMax older files that are kept
    public record AuditLog(Path path, boolean reads, long bytesMax, int filesMax) {
        public AuditLog {
            ConfigKeys.TELEMETRY_AUDIT_LOG.require(path);
            ConfigKeys.TELEMETRY_AUDIT_BYTES.require(bytesMax);
            ConfigKeys.TELEMETRY_AUDIT_FILES.require(filesMax);
        }
    }

    /// Section `telemetry`.
    ///
    /// @param enabled whether metrics are served
    /// @param metricsBind where they are served
    /// @param jsonLogs one JSON object a line instead of plain text
    /// @param slowRequest calls that take at least this long are logged; zero: none
    /// @param auditLog null: there is none
    public record Telemetry(
            boolean enabled,
            HostPort metricsBind,
            LogLevel logLevel,
            boolean jsonLogs,
            Duration slowRequest,
            @Nullable AuditLog auditLog) {
        public Telemetry {
            ConfigKeys.TELEMETRY_METRICS_BIND.require(metricsBind);
            ConfigKeys.TELEMETRY_LOG_LEVEL.require(logLevel);
            ConfigKeys.TELEMETRY_SLOW_REQUEST.require(slowRequest);
        }
    }

    /// Section `raft`.
    ///
    /// @param electionTimeoutMin a follower waits at least this long for its leader
    /// @param electionTimeoutMax and at most this long, drawn at random between the two
    /// @param snapshotThresholdEntries log entries between two snapshots
    /// @param logRetainedEntries log entries kept behind the last snapshot, so that a short absence
    ///     needs no snapshot
    /// @param segmentSizeBytes size of one file of the log
    public record Raft(
            Duration electionTimeoutMin,
            Duration electionTimeoutMax,
            long snapshotThresholdEntries,
            long logRetainedEntries,
            long segmentSizeBytes) {
        public Raft {
            ConfigKeys.RAFT_ELECTION_TIMEOUT_MIN.require(electionTimeoutMin);
            ConfigKeys.RAFT_ELECTION_TIMEOUT_MAX.require(electionTimeoutMax);
            ConfigKeys.RAFT_SNAPSHOT_THRESHOLD.require(snapshotThresholdEntries);
            ConfigKeys.RAFT_LOG_RETAINED.require(logRetainedEntries);
            ConfigKeys.RAFT_SEGMENT_SIZE.require(segmentSizeBytes);
        }
    }

    /// Section `batching`: how concurrent writes become one log entry.
    ///
    /// @param maxBatchBytes encoded size of one batch; a single larger command goes alone
    /// @param maxBatchCommands commands in one batch
    /// @param maxWait how long a batch may wait for more when writes come in a steady stream; 0 for not at all
    /// @param queueCapacity commands that may wait; further ones are refused as "too many requests"
    public record Batching(
            int maxBatchBytes, int maxBatchCommands, Duration maxWait, int queueCapacity) {
        public Batching {
            ConfigKeys.BATCHING_MAX_BYTES.require(maxBatchBytes);
            ConfigKeys.BATCHING_MAX_COMMANDS.require(maxBatchCommands);
            ConfigKeys.BATCHING_MAX_WAIT.require(maxWait);
            ConfigKeys.BATCHING_QUEUE_CAPACITY.require(queueCapacity);
        }
    }

    /// Section `limits`.
    ///
    /// @param requestBytes encoded size of one replicated request
    /// @param txnOps operations in one transaction
    /// @param requestTimeout how long a request without its own deadline may take
    /// @param backendQuotaBytes size of the store that Status reports as its quota; 0: unlimited
    /// @param watchProgressInterval how often a watcher that wants to is told that nothing happened
    /// @param groupsMax Raft groups that this node opens
    public record Limits(
            int requestBytes,
            int txnOps,
            Duration requestTimeout,
            long backendQuotaBytes,
            Duration watchProgressInterval,
            int groupsMax) {
        public Limits {
            ConfigKeys.LIMITS_REQUEST_BYTES.require(requestBytes);
            ConfigKeys.LIMITS_TXN_OPS.require(txnOps);
            ConfigKeys.LIMITS_REQUEST_TIMEOUT.require(requestTimeout);
            ConfigKeys.LIMITS_BACKEND_QUOTA.require(backendQuotaBytes);
            ConfigKeys.LIMITS_WATCH_PROGRESS_INTERVAL.require(watchProgressInterval);
            ConfigKeys.LIMITS_GROUPS.require(groupsMax);
        }
    }

    /// Section `admin`.
    ///
    /// @param drainTimeout how long a stopping node lets requests in flight finish
    /// @param shutdownTimeout how long a clean stop may take in all; the process ends after that
    public record Admin(Duration drainTimeout, Duration shutdownTimeout) {
        public Admin {
            ConfigKeys.ADMIN_DRAIN_TIMEOUT.require(drainTimeout);
            ConfigKeys.ADMIN_SHUTDOWN_TIMEOUT.require(shutdownTimeout);
        }
    }

    /// Sections `raft`, `batching`, `limits` and `admin`.
    public record Tuning(Raft raft, Batching batching, Limits limits, Admin admin) {
        public Tuning {
            Objects.requireNonNull(raft, "raft");
            Objects.requireNonNull(batching, "batching");
            Objects.requireNonNull(limits, "limits");
            Objects.requireNonNull(admin, "admin");
        }
    }
}
