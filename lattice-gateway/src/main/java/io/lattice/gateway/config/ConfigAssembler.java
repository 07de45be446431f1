package io.lattice.gateway.config;

import io.lattice.gateway.config.ConfigException.Problem;
import io.lattice.gateway.config.LatticeConfig.Admin;
import io.lattice.gateway.config.LatticeConfig.Batching;
import io.lattice.gateway.config.LatticeConfig.Cluster;
import io.lattice.gateway.config.LatticeConfig.ControlPlane;
import io.lattice.gateway.config.LatticeConfig.ControlPlaneMode;
import io.lattice.gateway.config.LatticeConfig.Durability;
import io.lattice.gateway.config.LatticeConfig.GrpcListener;
import io.lattice.gateway.config.LatticeConfig.Limits;
import io.lattice.gateway.config.LatticeConfig.Paths;
import io.lattice.gateway.config.LatticeConfig.Peer;
import io.lattice.gateway.config.LatticeConfig.Raft;
import io.lattice.gateway.config.LatticeConfig.Storage;
import io.lattice.gateway.config.LatticeConfig.Telemetry;
import io.lattice.gateway.config.LatticeConfig.Tenants;
import io.lattice.gateway.config.LatticeConfig.Tuning;
import io.lattice.gateway.security.TlsFiles;
import io.lattice.gateway.security.TlsMaterial;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Turns the settings of all sources into the records: fills in defaults, derives what follows from
/// other keys, and collects the problems of single keys, of keys together, and of the files they name.
/// A key that is broken takes its default meanwhile, and rules that involve it are left out, so that
/// one mistake is one problem.
final class ConfigAssembler {
    private static final int DEFAULT_RAFT_PORT = 2380;
    private static final Path HOST_NAME = Path.of("/proc/sys/kernel/hostname");
    private static final String FALLBACK_NODE_ID = "localhost";

    private final Settings settings;

    ConfigAssembler(Settings settings) {
        this.settings = settings;
    }

    LatticeConfig assemble() throws ConfigException {
        @Nullable TlsFiles listenerTls = listenerTls();
        GrpcListener grpc = grpc(listenerTls);
        ControlPlane controlPlane = controlPlane(listenerTls);
        boolean placed = controlPlane.mode() == ControlPlaneMode.CLUSTOR;
        Cluster cluster = cluster(grpc, placed);
        Storage storage = storage(placed ? 0 : cluster.majority());
        Tenants tenants = new TenantAssembler(settings).assemble();
        if (placed) {
            manifestsPart();
        }
        Telemetry telemetry =
                new Telemetry(
                        settings.getOrDefault(ConfigKeys.TELEMETRY_ENABLED),
                        settings.getOrDefault(ConfigKeys.TELEMETRY_METRICS_BIND),
                        settings.getOrDefault(ConfigKeys.TELEMETRY_LOG_LEVEL),
                        settings.getOrDefault(ConfigKeys.TELEMETRY_JSON_LOGS),
                        settings.getOrDefault(ConfigKeys.TELEMETRY_SLOW_REQUEST),
                        auditLog());
        Tuning tuning = tuning();

        for (ConfigRules.Violation violation :
                ConfigRules.check(
                        controlPlane, cluster, grpc, storage, tenants, telemetry, tuning)) {
            if (violation.keys().stream().noneMatch(settings::isBroken)) {
                settings.report(
                        violation.keys().getFirst(), violation.found(), violation.allowed());
            }
        }
        List<Problem> problems = settings.problems();
        if (!problems.isEmpty()) {
            throw new ConfigException(problems);
        }
        return new LatticeConfig(controlPlane, cluster, grpc, storage, tenants, telemetry, tuning);
    }

    private ControlPlane controlPlane(@Nullable TlsFiles listenerTls) {
        @Nullable TlsFiles own =
                tls(
                        ConfigKeys.CONTROL_PLANE_TLS_CHAIN,
                        ConfigKeys.CONTROL_PLANE_TLS_KEY,
                        ConfigKeys.CONTROL_PLANE_TLS_CA);
        return new ControlPlane(
                settings.getOrDefault(ConfigKeys.CONTROL_PLANE_MODE),
                orElse(settings.get(ConfigKeys.CONTROL_PLANE_ENDPOINTS), List.of()),
                own != null ? own : listenerTls,
                settings.getOrDefault(ConfigKeys.CONTROL_PLANE_CACHE_TTL),
                settings.getOrDefault(ConfigKeys.CONTROL_PLANE_CACHE_GRACE));
    }

    /// What the manifest says can't be said here as well.
    private void manifestsPart() {
        if (settings.has(ConfigKeys.CLUSTER_RAFT_ADDRESS)) {
            settings.report(
                    ConfigKeys.CLUSTER_RAFT_ADDRESS,
                    String.valueOf(settings.get(ConfigKeys.CLUSTER_RAFT_ADDRESS)),
                    "nothing if control_plane.mode is \"clustor\": the manifest has the nodes'"
                            + " addresses");
        }
        for (String tenant : settings.tenants()) {
            settings.report(
                    TenantKeys.table(tenant),
                    "a tenant",
                    "none if control_plane.mode is \"clustor\": the manifest has the tenants");
        }
    }

    private LatticeConfig.@Nullable AuditLog auditLog() {
        @Nullable Path path = settings.getPath(ConfigKeys.TELEMETRY_AUDIT_LOG);
        return path == null
                ? null
                : new LatticeConfig.AuditLog(
                        path,
                        settings.getOrDefault(ConfigKeys.TELEMETRY_AUDIT_READS),
                        settings.getOrDefault(ConfigKeys.TELEMETRY_AUDIT_BYTES),
                        settings.getOrDefault(ConfigKeys.TELEMETRY_AUDIT_FILES));
    }

    private GrpcListener grpc(@Nullable TlsFiles tls) {
        return new GrpcListener(
                settings.getOrDefault(ConfigKeys.GRPC_BIND),
                tls,
                settings.getOrDefault(ConfigKeys.GRPC_MIN_TLS_VERSION),
                settings.getOrDefault(ConfigKeys.GRPC_MAX_CONNECTIONS),
                settings.getOrDefault(ConfigKeys.GRPC_IDLE_TIMEOUT));
    }

    /// The listener's TLS files. TLS and `insecure` exclude each other, and one of them is needed.
    private @Nullable TlsFiles listenerTls() {
        boolean insecure = settings.getOrDefault(ConfigKeys.GRPC_INSECURE);
        List<ConfigKey<Path>> keys =
                List.of(
                        ConfigKeys.GRPC_TLS_CHAIN,
                        ConfigKeys.GRPC_TLS_KEY,
                        ConfigKeys.GRPC_CLIENT_CA);
        boolean anyFile = keys.stream().anyMatch(settings::has);
        if (insecure && anyFile) {
            settings.report(
                    ConfigKeys.GRPC_INSECURE,
                    "true together with TLS files",
                    "either insecure = true or the three TLS files");
        } else if (!insecure && !anyFile && !settings.isBroken(ConfigKeys.GRPC_INSECURE)) {
            settings.report(
                    ConfigKeys.GRPC_TLS_CHAIN,
                    "no TLS files and no insecure = true",
                    "tls_chain_path, tls_key_path and client_ca_path, or insecure = true to listen"
                            + " without TLS");
        }
        return tls(keys.get(0), keys.get(1), keys.get(2));
    }

    private @Nullable TlsFiles tls(
            ConfigKey<Path> chainKey, ConfigKey<Path> keyKey, ConfigKey<Path> caKey) {
        List<ConfigKey<Path>> keys = List.of(chainKey, keyKey, caKey);
        List<ConfigKey<Path>> missing = keys.stream().filter(key -> !settings.has(key)).toList();
        if (missing.size() == keys.size()) {
            return null;
        }
        for (ConfigKey<Path> key : missing) {
            settings.report(key, "nothing", "a path, since the other TLS files are given");
        }
        @Nullable Path chain = settings.getPath(chainKey);
        @Nullable Path key = settings.getPath(keyKey);
        @Nullable Path ca = settings.getPath(caKey);
        if (chain == null || key == null || ca == null) {
            return null;
        }
        TlsFiles files = new TlsFiles(chain, key, ca);
        TlsMaterial.problems(files)
                .forEach(problem -> {
                    ConfigKey<Path> culprit =
                            switch (problem.part()) {
                                case CHAIN -> chainKey;
                                case KEY -> keyKey;
                                case CA -> caKey;
                            };
                    settings.report(culprit, problem.found(), problem.allowed());
                });
        return files;
    }

    /// @param placed whether the manifest places the nodes
    private Cluster cluster(GrpcListener grpc, boolean placed) {
        @Nullable List<Peer> givenPeers = settings.get(ConfigKeys.CLUSTER_PEERS);
        boolean alone = !placed && (givenPeers == null || givenPeers.isEmpty());
        @Nullable String givenId = settings.get(ConfigKeys.CLUSTER_NODE_ID);
        String nodeId = givenId != null ? givenId : hostName();
        // A node without peers has nobody to talk to: its Raft port stays on the loopback
        // interface.
        HostPort raftBind =
                orElse(
                        settings.get(ConfigKeys.CLUSTER_RAFT_BIND),
                        new HostPort(alone ? "127.0.0.1" : "0.0.0.0", DEFAULT_RAFT_PORT));
        HostPort raftAddress = raftAddress(nodeId, raftBind, orElse(givenPeers, List.of()));
        List<Peer> peers =
                alone ? List.of(new Peer(nodeId, raftAddress)) : orElse(givenPeers, List.of());
        @Nullable TlsFiles own =
                tls(
                        ConfigKeys.CLUSTER_TLS_CHAIN,
                        ConfigKeys.CLUSTER_TLS_KEY,
                        ConfigKeys.CLUSTER_TLS_CA);
        @Nullable List<URI> urls = settings.get(ConfigKeys.CLUSTER_CLIENT_URLS);
        return new Cluster(
                settings.getOrDefault(ConfigKeys.CLUSTER_NAME),
                nodeId,
                raftBind,
                raftAddress,
                peers,
                urls == null || urls.isEmpty() ? List.of(clientUrl(grpc, raftAddress)) : urls,
                own != null ? own : grpc.tls());
    }

    private HostPort raftAddress(String nodeId, HostPort raftBind, List<Peer> peers) {
        @Nullable HostPort given = settings.get(ConfigKeys.CLUSTER_RAFT_ADDRESS);
        if (given != null) {
            return given;
        }
        return peers.stream()
                .filter(peer -> peer.nodeId().equals(nodeId))
                .map(Peer::raftAddress)
                .findFirst()
                .orElseGet(() ->
                        raftBind.isWildcard()
                                ? new HostPort(hostName(), raftBind.port())
                                : raftBind);
    }

    private static URI clientUrl(GrpcListener grpc, HostPort raftAddress) {
        HostPort address =
                grpc.bind().isWildcard()
                        ? new HostPort(raftAddress.host(), grpc.bind().port())
                        : grpc.bind();
        return URI.create((grpc.insecure() ? "http://" : "https://") + address);
    }

    /// @param majority what quorum_size is if it isn't given
    private Storage storage(int majority) {
        Durability durability =
                new Durability(
                        settings.getOrDefault(ConfigKeys.DURABILITY_MODE),
                        orElse(settings.get(ConfigKeys.DURABILITY_QUORUM_SIZE), majority),
                        settings.getOrDefault(ConfigKeys.DURABILITY_FSYNC_POLICY));
        Path data = directory(ConfigKeys.PATHS_DATA_DIR);
        Path wal = directory(ConfigKeys.PATHS_WAL_DIR);
        return new Storage(durability, new Paths(data, wal));
    }

    private Path directory(ConfigKey<Path> key) {
        @Nullable Path path = settings.getPath(key);
        if (path == null) {
            return Path.of(key.name()).toAbsolutePath();
        }
        if (Files.exists(path) && !Files.isDirectory(path)) {
            settings.report(
                    key,
                    ValueType.quote(path.toString()) + ", which is not a directory",
                    "a directory, or a path where one can be made");
        }
        return path;
    }

    private Tuning tuning() {
        return new Tuning(
                new Raft(
                        settings.getOrDefault(ConfigKeys.RAFT_ELECTION_TIMEOUT_MIN),
                        settings.getOrDefault(ConfigKeys.RAFT_ELECTION_TIMEOUT_MAX),
                        settings.getOrDefault(ConfigKeys.RAFT_SNAPSHOT_THRESHOLD),
                        settings.getOrDefault(ConfigKeys.RAFT_LOG_RETAINED),
                        settings.getOrDefault(ConfigKeys.RAFT_SEGMENT_SIZE)),
                new Batching(
                        settings.getOrDefault(ConfigKeys.BATCHING_MAX_BYTES),
                        settings.getOrDefault(ConfigKeys.BATCHING_MAX_COMMANDS),
                        settings.getOrDefault(ConfigKeys.BATCHING_MAX_WAIT),
                        settings.getOrDefault(ConfigKeys.BATCHING_QUEUE_CAPACITY)),
                new Limits(
                        settings.getOrDefault(ConfigKeys.LIMITS_REQUEST_BYTES),
                        settings.getOrDefault(ConfigKeys.LIMITS_TXN_OPS),
                        settings.getOrDefault(ConfigKeys.LIMITS_REQUEST_TIMEOUT),
                        settings.getOrDefault(ConfigKeys.LIMITS_BACKEND_QUOTA),
                        settings.getOrDefault(ConfigKeys.LIMITS_WATCH_PROGRESS_INTERVAL),
                        settings.getOrDefault(ConfigKeys.LIMITS_GROUPS)),
                new Admin(
                        settings.getOrDefault(ConfigKeys.ADMIN_DRAIN_TIMEOUT),
                        settings.getOrDefault(ConfigKeys.ADMIN_SHUTDOWN_TIMEOUT)));
    }

    /// This machine's name, if it can be a node id.
    private String hostName() {
        String name;
        try {
            // The name that the kernel was given; asking the resolver could answer an alias.
            name = Files.readString(HOST_NAME).strip();
        } catch (IOException e) {
            settings.report(
                    ConfigKeys.CLUSTER_NODE_ID,
                    "nothing, and the host name can't be read (" + e + ")",
                    ConfigKeys.CLUSTER_NODE_ID.type().allowed());
            return FALLBACK_NODE_ID;
        }
        if (ConfigKeys.CLUSTER_NODE_ID.type().accepts().test(name)) {
            return name;
        }
        settings.report(
                ConfigKeys.CLUSTER_NODE_ID,
                "nothing, and the host name " + ValueType.quote(name) + " can't be used",
                ConfigKeys.CLUSTER_NODE_ID.type().allowed());
        return FALLBACK_NODE_ID;
    }

    private static <T> T orElse(@Nullable T value, T other) {
        return value != null ? value : other;
    }
}
