package io.lattice.gateway.config;

import io.lattice.cp.policy.QuotaPolicy.SpaceRecovery;
import io.lattice.gateway.config.LatticeConfig.ControlPlaneMode;
import io.lattice.gateway.config.LatticeConfig.DurabilityMode;
import io.lattice.gateway.config.LatticeConfig.FsyncPolicy;
import io.lattice.gateway.config.LatticeConfig.LogLevel;
import io.lattice.gateway.config.LatticeConfig.Peer;
import io.lattice.gateway.config.LatticeConfig.TlsVersion;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;

/// Every key of the configuration with its type, range and default: the one table that the loader,
/// the records and the test of `config/lattice.toml` share.
final class ConfigKeys {
    private static final long KIB = 1024;
    private static final long MIB = 1024 * KIB;
    private static final long GIB = 1024 * MIB;
    private static final long TIB = 1024 * GIB;
    private static final long HOUR_MS = 3_600_000;
    private static final long DAY_MS = 24 * HOUR_MS;

    /// Ratis ships at most 4 MiB at once, and an entry above that leaks a permit of its leader; 3 MiB
    /// leave room for the envelope of a batch.
    private static final long MAX_ENTRY_BYTES = 3 * MIB;

    static final ValueType<String> NAME =
            ValueType.text(
                    Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}"),
                    "1 to 63 letters, digits, '.', '_' or '-', the first a letter or digit");

    static final ConfigKey<ControlPlaneMode> CONTROL_PLANE_MODE =
            ConfigKey.withDefault(
                    "control_plane.mode",
                    ValueType.choice(ControlPlaneMode.class),
                    ControlPlaneMode.STANDALONE);
    static final ConfigKey<List<URI>> CONTROL_PLANE_ENDPOINTS =
            ConfigKey.optional("control_plane.endpoints", ValueType.list(ValueType.url()));
    static final ConfigKey<Path> CONTROL_PLANE_TLS_CHAIN =
            ConfigKey.optional("control_plane.tls_chain_path", ValueType.path());
    static final ConfigKey<Path> CONTROL_PLANE_TLS_KEY =
            ConfigKey.optional("control_plane.tls_key_path", ValueType.path());
    static final ConfigKey<Path> CONTROL_PLANE_TLS_CA =
            ConfigKey.optional("control_plane.tls_ca_path", ValueType.path());
    static final ConfigKey<Duration> CONTROL_PLANE_CACHE_TTL =
            ConfigKey.withDefault(
                    "control_plane.cache_ttl_seconds",
                    ValueType.seconds(1, 86_400),
                    Duration.ofMinutes(5));
    static final ConfigKey<Duration> CONTROL_PLANE_CACHE_GRACE =
            ConfigKey.withDefault(
                    "control_plane.cache_grace_ms",
                    ValueType.millis(0, DAY_MS),
                    Duration.ofSeconds(30));

    static final ConfigKey<String> CLUSTER_NAME =
            ConfigKey.withDefault("cluster.name", NAME, "lattice");
    static final ConfigKey<String> CLUSTER_NODE_ID = ConfigKey.optional("cluster.node_id", NAME);
    static final ConfigKey<HostPort> CLUSTER_RAFT_BIND =
            ConfigKey.optional("cluster.raft_bind", ValueType.hostPort());
    static final ConfigKey<HostPort> CLUSTER_RAFT_ADDRESS =
            ConfigKey.optional("cluster.raft_address", ValueType.hostPort());
    static final ConfigKey<List<Peer>> CLUSTER_PEERS =
            ConfigKey.optional("cluster.peers", ValueType.list(ValueType.peer(NAME)));
    static final ConfigKey<List<URI>> CLUSTER_CLIENT_URLS =
            ConfigKey.optional("cluster.client_urls", ValueType.list(ValueType.url()));
    static final ConfigKey<Path> CLUSTER_TLS_CHAIN =
            ConfigKey.optional("cluster.tls_chain_path", ValueType.path());
    static final ConfigKey<Path> CLUSTER_TLS_KEY =
            ConfigKey.optional("cluster.tls_key_path", ValueType.path());
    static final ConfigKey<Path> CLUSTER_TLS_CA =
            ConfigKey.optional("cluster.tls_ca_path", ValueType.path());

    static final ConfigKey<HostPort> GRPC_BIND =
            ConfigKey.withDefault(
                    "listeners.grpc.bind", ValueType.hostPort(), new HostPort("0.0.0.0", 2379));
    static final ConfigKey<Boolean> GRPC_INSECURE =
            ConfigKey.withDefault("listeners.grpc.insecure", ValueType.bool(), false);
    static final ConfigKey<Path> GRPC_TLS_CHAIN =
            ConfigKey.optional("listeners.grpc.tls_chain_path", ValueType.path());
    static final ConfigKey<Path> GRPC_TLS_KEY =
            ConfigKey.optional("listeners.grpc.tls_key_path", ValueType.path());
    static final ConfigKey<Path> GRPC_CLIENT_CA =
            ConfigKey.optional("listeners.grpc.client_ca_path", ValueType.path());
    static final ConfigKey<TlsVersion> GRPC_MIN_TLS_VERSION =
            ConfigKey.withDefault(
                    "listeners.grpc.min_tls_version",
                    ValueType.choice(TlsVersion.class),
                    TlsVersion.TLS_1_2);
    static final ConfigKey<Integer> GRPC_MAX_CONNECTIONS =
            ConfigKey.withDefault(
                    "listeners.grpc.max_connections", ValueType.int32(1, 1_000_000), 10_000);
    static final ConfigKey<Duration> GRPC_IDLE_TIMEOUT =
            ConfigKey.withDefault(
                    "listeners.grpc.idle_timeout_ms",
                    ValueType.millis(1_000, DAY_MS),
                    Duration.ofMinutes(5));

    static final ConfigKey<DurabilityMode> DURABILITY_MODE =
            ConfigKey.withDefault(
                    "durability.mode",
                    ValueType.choice(DurabilityMode.class),
                    DurabilityMode.QUORUM);
    static final ConfigKey<Integer> DURABILITY_QUORUM_SIZE =
            ConfigKey.optional("durability.quorum_size", ValueType.int32(1, 64));
    static final ConfigKey<FsyncPolicy> DURABILITY_FSYNC_POLICY =
            ConfigKey.withDefault(
                    "durability.fsync_policy",
                    ValueType.choice(FsyncPolicy.class),
                    FsyncPolicy.ALWAYS);

    static final ConfigKey<Path> PATHS_DATA_DIR =
            ConfigKey.required("paths.data_dir", ValueType.path());
    static final ConfigKey<Path> PATHS_WAL_DIR =
            ConfigKey.required("paths.wal_dir", ValueType.path());

    static final ConfigKey<String> TENANTS_DEFAULT_TENANT =
            ConfigKey.withDefault("tenants.default_tenant", NAME, "default");
    static final ConfigKey<Long> TENANTS_QPS_LIMIT =
            ConfigKey.optional("tenants.default_qps_limit", ValueType.integer(1, 1_000_000_000));
    static final ConfigKey<Long> TENANTS_BYTES_LIMIT =
            ConfigKey.optional("tenants.default_bytes_limit", ValueType.integer(KIB, TIB));
    static final ConfigKey<SpaceRecovery> TENANTS_SPACE_RECOVERY =
            ConfigKey.withDefault(
                    "tenants.space_recovery",
                    ValueType.choice(SpaceRecovery.class),
                    SpaceRecovery.MANUAL);
    static final ConfigKey<Duration> TENANTS_LEASE_TTL_DEFAULT =
            ConfigKey.withDefault(
                    "tenants.lease_ttl_default_ms",
                    ValueType.millis(1_000, 365 * DAY_MS),
                    Duration.ofMinutes(1));
    static final ConfigKey<Duration> TENANTS_LEASE_TTL_MAX =
            ConfigKey.withDefault(
                    "tenants.lease_ttl_max_ms",
                    ValueType.millis(1_000, 9_000_000_000_000L),
                    Duration.ofDays(1));
    static final ConfigKey<Duration> TENANTS_WATCH_IDLE_TIMEOUT =
            ConfigKey.withDefault(
                    "tenants.watch_idle_timeout_ms",
                    ValueType.millis(1_000, DAY_MS),
                    Duration.ofMinutes(5));

    static final ConfigKey<Boolean> TELEMETRY_ENABLED =
            ConfigKey.withDefault("telemetry.enabled", ValueType.bool(), true);
    static final ConfigKey<HostPort> TELEMETRY_METRICS_BIND =
            ConfigKey.withDefault(
                    "telemetry.metrics_bind", ValueType.hostPort(), new HostPort("0.0.0.0", 9090));
    static final ConfigKey<LogLevel> TELEMETRY_LOG_LEVEL =
            ConfigKey.withDefault(
                    "telemetry.log_level", ValueType.choice(LogLevel.class), LogLevel.INFO);
    static final ConfigKey<Boolean> TELEMETRY_JSON_LOGS =
            ConfigKey.withDefault("telemetry.json_logs", ValueType.bool(), true);
    static final ConfigKey<Duration> TELEMETRY_SLOW_REQUEST =
            ConfigKey.withDefault(
                    "telemetry.slow_request_ms",
                    ValueType.millis(0, HOUR_MS),
                    Duration.ofMillis(500));
    static final ConfigKey<Path> TELEMETRY_AUDIT_LOG =
            ConfigKey.optional("telemetry.audit_log_path", ValueType.path());
    static final ConfigKey<Boolean> TELEMETRY_AUDIT_READS =
            ConfigKey.withDefault("telemetry.audit_reads", ValueType.bool(), false);
    static final ConfigKey<Long> TELEMETRY_AUDIT_BYTES =
            ConfigKey.withDefault(
                    "telemetry.audit_log_bytes_max", ValueType.integer(MIB, TIB), 100 * MIB);
    static final ConfigKey<Integer> TELEMETRY_AUDIT_FILES =
            ConfigKey.withDefault("telemetry.audit_log_files_max", ValueType.int32(1, 20), 10);

    static final ConfigKey<Duration> RAFT_ELECTION_TIMEOUT_MIN =
            ConfigKey.withDefault(
                    "raft.election_timeout_min_ms",
                    ValueType.millis(50, 60_000),
                    Duration.ofMillis(500));
    static final ConfigKey<Duration> RAFT_ELECTION_TIMEOUT_MAX =
            ConfigKey.withDefault(
                    "raft.election_timeout_max_ms",
                    ValueType.millis(100, 120_000),
                    Duration.ofSeconds(1));
    static final ConfigKey<Long> RAFT_SNAPSHOT_THRESHOLD =
            ConfigKey.withDefault(
                    "raft.snapshot_threshold_entries",
                    ValueType.integer(100, 1_000_000_000),
                    100_000L);
    static final ConfigKey<Long> RAFT_LOG_RETAINED =
            ConfigKey.withDefault(
                    "raft.log_retained_entries", ValueType.integer(0, 1_000_000_000), 100_000L);
    static final ConfigKey<Long> RAFT_SEGMENT_SIZE =
            ConfigKey.withDefault(
                    "raft.segment_size_bytes", ValueType.integer(4 * MIB, GIB), 8 * MIB);

    static final ConfigKey<Integer> BATCHING_MAX_BYTES =
            ConfigKey.withDefault(
                    "batching.max_batch_bytes",
                    ValueType.int32((int) (64 * KIB), (int) MAX_ENTRY_BYTES),
                    (int) MIB);
    static final ConfigKey<Integer> BATCHING_MAX_COMMANDS =
            ConfigKey.withDefault("batching.max_batch_commands", ValueType.int32(1, 65_536), 4_096);
    static final ConfigKey<Duration> BATCHING_MAX_WAIT =
            ConfigKey.withDefault(
                    "batching.max_wait_ms", ValueType.millis(0, 50), Duration.ofMillis(8));
    static final ConfigKey<Integer> BATCHING_QUEUE_CAPACITY =
            ConfigKey.withDefault("batching.queue_capacity", ValueType.int32(1, 1_000_000), 16_384);

    static final ConfigKey<Integer> LIMITS_REQUEST_BYTES =
            ConfigKey.withDefault(
                    "limits.request_bytes",
                    ValueType.int32((int) KIB, (int) MAX_ENTRY_BYTES),
                    1_572_864);
    static final ConfigKey<Integer> LIMITS_TXN_OPS =
            ConfigKey.withDefault("limits.txn_ops", ValueType.int32(1, 100_000), 128);
    static final ConfigKey<Duration> LIMITS_REQUEST_TIMEOUT =
            ConfigKey.withDefault(
                    "limits.request_timeout_ms",
                    ValueType.millis(100, HOUR_MS),
                    Duration.ofSeconds(7));
    static final ConfigKey<Long> LIMITS_BACKEND_QUOTA =
            ConfigKey.withDefault(
                    "limits.backend_quota_bytes", ValueType.integer(0, 1_024 * TIB), 2 * GIB);
    static final ConfigKey<Duration> LIMITS_WATCH_PROGRESS_INTERVAL =
            ConfigKey.withDefault(
                    "limits.watch_progress_interval_ms",
                    ValueType.millis(100, DAY_MS),
                    Duration.ofMinutes(10));
    static final ConfigKey<Integer> LIMITS_GROUPS =
            ConfigKey.withDefault("limits.groups_max", ValueType.int32(1, 10_000), 256);

    static final ConfigKey<Duration> ADMIN_DRAIN_TIMEOUT =
            ConfigKey.withDefault(
                    "admin.drain_timeout_ms", ValueType.millis(0, HOUR_MS), Duration.ofSeconds(5));
    static final ConfigKey<Duration> ADMIN_SHUTDOWN_TIMEOUT =
            ConfigKey.withDefault(
                    "admin.shutdown_timeout_ms",
                    ValueType.millis(1_000, HOUR_MS),
                    Duration.ofSeconds(20));

    /// All keys in the order of the reference file.
    static final List<ConfigKey<?>> ALL =
            List.of(
                    CONTROL_PLANE_MODE,
                    CONTROL_PLANE_ENDPOINTS,
                    CONTROL_PLANE_TLS_CHAIN,
                    CONTROL_PLANE_TLS_KEY,
                    CONTROL_PLANE_TLS_CA,
                    CONTROL_PLANE_CACHE_TTL,
                    CONTROL_PLANE_CACHE_GRACE,
                    CLUSTER_NAME,
                    CLUSTER_NODE_ID,
                    CLUSTER_RAFT_BIND,
                    CLUSTER_RAFT_ADDRESS,
                    CLUSTER_PEERS,
                    CLUSTER_CLIENT_URLS,
                    CLUSTER_TLS_CHAIN,
                    CLUSTER_TLS_KEY,
                    CLUSTER_TLS_CA,
                    GRPC_BIND,
                    GRPC_INSECURE,
                    GRPC_TLS_CHAIN,
                    GRPC_TLS_KEY,
                    GRPC_CLIENT_CA,
                    GRPC_MIN_TLS_VERSION,
                    GRPC_MAX_CONNECTIONS,
                    GRPC_IDLE_TIMEOUT,
                    DURABILITY_MODE,
                    DURABILITY_QUORUM_SIZE,
                    DURABILITY_FSYNC_POLICY,
                    PATHS_DATA_DIR,
                    PATHS_WAL_DIR,
                    TENANTS_DEFAULT_TENANT,
                    TENANTS_QPS_LIMIT,
                    TENANTS_BYTES_LIMIT,
                    TENANTS_SPACE_RECOVERY,
                    TENANTS_LEASE_TTL_DEFAULT,
                    TENANTS_LEASE_TTL_MAX,
                    TENANTS_WATCH_IDLE_TIMEOUT,
                    TELEMETRY_ENABLED,
                    TELEMETRY_METRICS_BIND,
                    TELEMETRY_LOG_LEVEL,
                    TELEMETRY_JSON_LOGS,
                    TELEMETRY_SLOW_REQUEST,
                    TELEMETRY_AUDIT_LOG,
                    TELEMETRY_AUDIT_READS,
                    TELEMETRY_AUDIT_BYTES,
                    TELEMETRY_AUDIT_FILES,
                    RAFT_ELECTION_TIMEOUT_MIN,
                    RAFT_ELECTION_TIMEOUT_MAX,
                    RAFT_SNAPSHOT_THRESHOLD,
                    RAFT_LOG_RETAINED,
                    RAFT_SEGMENT_SIZE,
                    BATCHING_MAX_BYTES,
                    BATCHING_MAX_COMMANDS,
                    BATCHING_MAX_WAIT,
                    BATCHING_QUEUE_CAPACITY,
                    LIMITS_REQUEST_BYTES,
                    LIMITS_TXN_OPS,
                    LIMITS_REQUEST_TIMEOUT,
                    LIMITS_BACKEND_QUOTA,
                    LIMITS_WATCH_PROGRESS_INTERVAL,
                    LIMITS_GROUPS,
                    ADMIN_DRAIN_TIMEOUT,
                    ADMIN_SHUTDOWN_TIMEOUT);

    private ConfigKeys() {}
}
