package io.lattice.gateway.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import io.lattice.cp.policy.QuotaPolicy.SpaceRecovery;
import io.lattice.gateway.config.LatticeConfig.LogLevel;
import io.lattice.gateway.config.LatticeConfig.Peer;
import io.lattice.gateway.config.LatticeConfig.TlsVersion;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigLoaderTest {
    /// The least that a node needs, with the sections that tests add keys to left open.
    private static final String MINIMAL =
            """
            paths = {data_dir = "data", wal_dir = "wal"}
            listeners.grpc.insecure = true
            cluster.node_id = "n1"
            """;

    private static final String THREE_PEERS =
            "cluster.peers = [\"n1=h1:2380\", \"n2=h2:2380\", \"n3=h3:2380\"]\n";

    private static final String CLUSTOR =
            "control_plane = {mode = \"clustor\", endpoints = [\"http://cp:2379\"]}\n";

    @TempDir Path directory;

    @Test
    void fillsInDefaults() throws Exception {
        LatticeConfig config = load(MINIMAL);

        assertThat(config.grpc().bind()).isEqualTo(new HostPort("0.0.0.0", 2379));
        assertThat(config.grpc().minTlsVersion()).isEqualTo(TlsVersion.TLS_1_2);
        assertThat(config.raft().electionTimeoutMin()).isEqualTo(Duration.ofMillis(500));
        assertThat(config.limits().requestBytes()).isEqualTo(1_572_864);
        assertThat(config.tenants().qpsLimit()).isNull();
        assertThat(config.telemetry().jsonLogs()).isTrue();
    }

    @Test
    void nodeWithoutPeersIsAClusterOfItsOwnOnTheLoopbackInterface() throws Exception {
        LatticeConfig config = load(MINIMAL);

        HostPort raft = new HostPort("127.0.0.1", 2380);
        assertThat(config.cluster().raftBind()).isEqualTo(raft);
        assertThat(config.cluster().peers()).containsExactly(new Peer("n1", raft));
        assertThat(config.durability().quorumSize()).isEqualTo(1);
        assertThat(config.cluster().tls()).isNull();
    }

    @Test
    void derivesAddressesFromPeers() throws Exception {
        LatticeConfig config = load(MINIMAL + THREE_PEERS);

        assertThat(config.cluster().raftBind()).isEqualTo(new HostPort("0.0.0.0", 2380));
        assertThat(config.cluster().raftAddress()).isEqualTo(new HostPort("h1", 2380));
        assertThat(config.cluster().clientUrls()).containsExactly(URI.create("http://h1:2379"));
        assertThat(config.durability().quorumSize()).isEqualTo(2);
    }

    @Test
    void relativePathsStartAtTheFile() throws Exception {
        LatticeConfig config = load(MINIMAL);

        assertThat(config.paths().dataDir()).isEqualTo(directory.resolve("data"));
    }

    @Test
    void commandLineBeatsEnvironmentBeatsFile() throws Exception {
        Path file = write(MINIMAL + "telemetry.log_level = \"error\"\ncluster.name = \"a\"\n");
        Map<String, String> environment =
                Map.of(
                        "LATTICE_TELEMETRY_LOG_LEVEL", "warn",
                        "LATTICE_LISTENERS_GRPC_BIND", "127.0.0.1:1",
                        "LATTICE_CLUSTER_NAME", "b");

        LatticeConfig config =
                ConfigLoader.load(file, environment, Map.of("telemetry.log_level", "debug"));

        assertThat(config.telemetry().logLevel()).isEqualTo(LogLevel.DEBUG);
        assertThat(config.grpc().bind()).isEqualTo(new HostPort("127.0.0.1", 1));
        assertThat(config.cluster().name()).isEqualTo("b");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    n1=a:1,n2=b:1, n3=c:1
                    ['n1=a:1','n2=b:1','n3=c:1']
                    """)
    void environmentGivesArraysAsTomlOrWithCommas(String peers) throws Exception {
        LatticeConfig config =
                ConfigLoader.load(write(MINIMAL), Map.of("LATTICE_CLUSTER_PEERS", peers), Map.of());

        assertThat(config.cluster().peers()).hasSize(3);
        assertThat(config.cluster().raftAddress()).isEqualTo(new HostPort("a", 1));
    }

    @Test
    void reportsAllProblemsAtOnceInTheirOrder() throws Exception {
        Path file =
                write(
                        """
                        [raft]
                        election_timeout_min_ms = "soon"
                        segment_size = 5
                        [limits]
                        txn_ops = 0
                        """);

        ConfigException e =
                failure(() ->
                        ConfigLoader.load(
                                file,
                                Map.of("LATTICE_ADMIN_DRAIN_TIMEOUT_MS", "x"),
                                Map.of("telemetry.log_level", "loud")));

        assertThat(e.problems())
                .extracting(problem -> problem.place() + " " + problem.key())
                .containsExactly(
                        file + ":1 listeners.grpc.tls_chain_path",
                        file + ":1 paths.data_dir",
                        file + ":1 paths.wal_dir",
                        file + ":2 raft.election_timeout_min_ms",
                        file + ":3 raft.segment_size",
                        file + ":5 limits.txn_ops",
                        "environment LATTICE_ADMIN_DRAIN_TIMEOUT_MS admin.drain_timeout_ms",
                        "command line telemetry.log_level");
        assertThat(e.problems())
                .map(ConfigException.Problem::toString)
                .contains(
                        file
                                + ":5: limits.txn_ops: found 0; allowed an integer from 1 to"
                                + " 100000",
                        file
                                + ":2: raft.election_timeout_min_ms: found \"soon\"; allowed an"
                                + " integer from 50 to 60000",
                        file
                                + ":3: raft.segment_size: found a key that does not exist; allowed"
                                + " raft.segment_size_bytes (nearest name)");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    raft.election_timeout_min = 1        | raft.election_timeout_min    | raft.election_timeout_min_ms (nearest name)
                    telemetry.loglevel = "info"          | telemetry.loglevel           | telemetry.log_level (nearest name)
                    listener.grpc.bind = "a:1"           | listener                     | listeners (nearest name)
                    limits = 3                           | limits                       | a table
                    [[raft]]                             | raft                         | a table
                    listeners.grpc.bind = 2379           | listeners.grpc.bind          | "host:port"
                    listeners.grpc.bind = "a:0"          | listeners.grpc.bind          | "host:port"
                    listeners.grpc.bind = ":2379"        | listeners.grpc.bind          | "host:port"
                    listeners.grpc.min_tls_version = "1.1" | listeners.grpc.min_tls_version | "1.2", "1.3"
                    listeners.grpc.max_connections = 1.5 | listeners.grpc.max_connections | an integer
                    telemetry.json_logs = "yes"          | telemetry.json_logs          | true or false
                    telemetry.log_level = "INFO"         | telemetry.log_level          | "error", "warn", "info", "debug", "trace"
                    cluster.name = "a b"                 | cluster.name                 | letters, digits
                    cluster.peers = "n1=h:1"             | cluster.peers                | an array
                    cluster.peers = ["n1"]               | cluster.peers                | "node_id=host:port"
                    cluster.peers = ["n1=h:1", 2]        | cluster.peers                | "node_id=host:port"
                    cluster.client_urls = ["h:1"]        | cluster.client_urls          | http://
                    cluster.client_urls = ["http://h:1/x"] | cluster.client_urls        | http://
                    control_plane.mode = "etcd"          | control_plane.mode           | "standalone"
                    tenants.default_qps_limit = 0        | tenants.default_qps_limit    | an integer from 1
                    limits.request_timeout_ms = 1        | limits.request_timeout_ms    | from 100
                    durability.fsync_policy = "never"    | durability.fsync_policy      | "always"
                    """)
    void refusesSingleKeys(String line, String key, String allowed) throws Exception {
        ConfigException e = failure(() -> load(MINIMAL + line + "\n"));

        assertThat(e.problems()).hasSize(1);
        ConfigException.Problem problem = e.problems().getFirst();
        assertThat(problem.place()).isEqualTo(directory.resolve("lattice.toml") + ":4");
        assertThat(problem.key()).isEqualTo(key);
        assertThat(problem.allowed()).contains(allowed);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    control_plane.mode = "clustor"       | control_plane.endpoints      | at least one if control_plane.mode is "clustor"
                    control_plane = {mode = "clustor", endpoints = ["https://cp:2379"]} | control_plane.endpoints | https endpoints together with tls_chain_path
                    durability.mode = "sync"             | durability.mode              | "quorum"
                    durability.mode = "async"            | durability.mode              | "quorum"
                    durability.quorum_size = 2           | durability.quorum_size       | 1, the majority of the 1 voter(s)
                    cluster.peers = ["n2=h2:2380"]       | cluster.peers                | an entry for cluster.node_id n1
                    cluster.peers = ["n1=h:1", "n1=h:2"] | cluster.peers                | each node id once
                    cluster.peers = ["n1=h:1", "n2=h:1"] | cluster.peers                | each address once
                    cluster.peers = ["n1=h:1", "n2=0.0.0.0:1"] | cluster.peers          | addresses that the other nodes can dial
                    cluster.client_urls = ["https://h:2379"] | cluster.client_urls      | http URLs
                    listeners.grpc.bind = "0.0.0.0:2380" | cluster.raft_bind            | another port
                    telemetry.metrics_bind = "0.0.0.0:2380" | telemetry.metrics_bind    | another port
                    telemetry.metrics_bind = "127.0.0.1:2379" | telemetry.metrics_bind  | another port
                    tenants.lease_ttl_max_ms = 59999     | tenants.lease_ttl_default_ms | at most tenants.lease_ttl_max_ms
                    raft.election_timeout_max_ms = 500   | raft.election_timeout_max_ms | more than raft.election_timeout_min_ms
                    raft.election_timeout_max_ms = 3501  | limits.request_timeout_ms    | at least 7002
                    admin.drain_timeout_ms = 20000       | admin.drain_timeout_ms       | less than admin.shutdown_timeout_ms
                    """)
    void refusesContradictions(String line, String key, String allowed) throws Exception {
        ConfigException e = failure(() -> load(MINIMAL + line + "\n"));

        assertThat(e.problems()).as(e.getMessage()).hasSize(1);
        assertThat(e.problems().getFirst().key()).isEqualTo(key);
        assertThat(e.problems().getFirst().allowed()).contains(allowed);
    }

    @Test
    void refusesQuorumSizeThatIsNotTheMajority() throws Exception {
        ConfigException e =
                failure(() -> load(MINIMAL + THREE_PEERS + "durability.quorum_size = 3\n"));

        assertThat(e)
                .hasMessageContaining(
                        ":5: durability.quorum_size: found 3; allowed 2, the majority of the 3"
                                + " voter(s) in cluster.peers");
    }

    @Test
    void refusesAnotherRaftAddressThanThatOfThePeers() throws Exception {
        ConfigException e =
                failure(() -> load(MINIMAL + THREE_PEERS + "cluster.raft_address = \"h9:1\"\n"));

        assertThat(e).hasMessageContaining("cluster.raft_address: found h9:1; allowed h1:2380");
    }

    @ParameterizedTest
    @CsvSource({
        "d, d, the same directory",
        "d, d/wal, which lies in paths.data_dir",
        "w/d, w, which contains paths.data_dir",
        "d, ./x/../d, the same directory"
    })
    void refusesDirectoriesInEachOther(String data, String wal, String found) throws Exception {
        String toml =
                "listeners.grpc.insecure = true\n[paths]\ndata_dir = '%s'\nwal_dir = '%s'\n"
                        .formatted(data, wal);

        ConfigException e = failure(() -> load(toml));

        assertThat(e.problems()).hasSize(1);
        assertThat(e).hasMessageContaining(":4: paths.wal_dir").hasMessageContaining(found);
    }

    @Test
    void refusesFileWhereADirectoryShouldBe() throws Exception {
        Files.writeString(directory.resolve("data"), "");

        ConfigException e = failure(() -> load(MINIMAL));

        assertThat(e)
                .hasMessageContaining("paths.data_dir")
                .hasMessageContaining("not a directory");
    }

    @Test
    void reportsSyntaxErrorsWithTheirLines() throws Exception {
        ConfigException e = failure(() -> load("a = \n[paths\nb = 1 2\n"));

        assertThat(e.problems()).isNotEmpty();
        assertThat(e.problems().getFirst().place()).endsWith("lattice.toml:1");
        assertThat(e.problems()).allSatisfy(p -> assertThat(p.key()).isEqualTo("syntax"));
    }

    @Test
    void reportsMissingFile() {
        Path missing = directory.resolve("none.toml");

        assertThatThrownBy(() -> ConfigLoader.load(missing, Map.of(), Map.of()))
                .isInstanceOf(ConfigException.class)
                .hasMessage(
                        missing
                                + ": file: found no such file; allowed a readable TOML file in"
                                + " UTF-8");
    }

    @Test
    void reportsUnknownVariablesOfKnownSectionsOnly() throws Exception {
        Map<String, String> environment =
                Map.of("LATTICE_RAFT_SEGMENT_SIZE", "1", "LATTICE_PORT", "tcp://10.0.0.1:2379");

        ConfigException e = failure(() -> ConfigLoader.load(write(MINIMAL), environment, Map.of()));

        assertThat(e)
                .hasMessage(
                        "environment LATTICE_RAFT_SEGMENT_SIZE: LATTICE_RAFT_SEGMENT_SIZE: found a"
                                + " variable of a key that does not exist; allowed"
                                + " LATTICE_RAFT_SEGMENT_SIZE_BYTES (nearest name)");
    }

    @Test
    void oneMistakeIsOneProblem() throws Exception {
        ConfigException e =
                failure(() ->
                        load(
                                MINIMAL
                                        + "cluster.peers = [\"n1\"]\n"
                                        + "durability.quorum_size = 2\n"));

        assertThat(e.problems())
                .extracting(problem -> problem.key())
                .containsExactly("cluster.peers");
    }

    @Test
    void doesNotTouchTheDataDirectories() throws Exception {
        load(MINIMAL);

        try (var files = Files.list(directory)) {
            assertThat(files).containsExactly(directory.resolve("lattice.toml"));
        }
    }

    @Test
    void saysWhatIsAcceptedWithoutEffect() throws Exception {
        LatticeConfig config = load(MINIMAL + "control_plane.endpoints = [\"http://h1:2379\"]\n");

        assertThat(ConfigLoader.notices(config))
                .anySatisfy(notice -> assertThat(notice).contains("endpoints are ignored"))
                .anySatisfy(notice -> assertThat(notice).contains("without TLS"));
    }

    @Test
    void withAControlPlaneTheManifestPlacesTheNodes() throws Exception {
        LatticeConfig config = load(MINIMAL + CLUSTOR);

        assertThat(config.controlPlane().mode()).isEqualTo(LatticeConfig.ControlPlaneMode.CLUSTOR);
        assertThat(config.cluster().peers()).isEmpty();
        assertThat(config.cluster().raftBind()).isEqualTo(new HostPort("0.0.0.0", 2380));
        assertThat(config.durability().quorumSize()).isZero();
        assertThat(ConfigLoader.notices(config)).noneMatch(notice -> notice.contains("endpoints"));
    }

    @Test
    void theMajorityCanOnlyBeCheckedAgainstTheManifest() throws Exception {
        LatticeConfig config = load(MINIMAL + CLUSTOR + "durability.quorum_size = 2\n");

        assertThat(config.durability().quorumSize()).isEqualTo(2);
    }

    @Test
    void withAControlPlaneTheFileCannotSayWhatTheManifestSays() throws Exception {
        ConfigException e =
                failure(() ->
                        load(
                                MINIMAL
                                        + CLUSTOR
                                        + THREE_PEERS
                                        + "cluster.raft_address = \"h1:2380\"\n"
                                        + "[tenants.tenant.acme]\n"
                                        + "qps_limit = 1\n"));

        assertThat(e.problems())
                .extracting(ConfigException.Problem::key)
                .containsExactlyInAnyOrder(
                        "cluster.peers", "cluster.raft_address", "tenants.tenant.acme.*");
        assertThat(e.getMessage()).contains("the manifest places the nodes");
    }

    @Test
    void tenantTakesFromItsTableAndElseFromTheSection() throws Exception {
        LatticeConfig config =
                load(
                        MINIMAL
                                + """
                                [tenants]
                                default_qps_limit = 100
                                lease_ttl_max_ms = 7200000
                                [tenants.tenant.acme]
                                identities = ["acme-client"]
                                server_names = ["acme.test"]
                                qps_limit = 0
                                space_recovery = "automatic"
                                lease_ttl_min_ms = 5000
                                """);

        assertThat(config.tenants().tenants()).containsOnlyKeys("default", "acme");
        assertThat(config.tenants().tenants().get("default"))
                .extracting(TenantConfig::quota)
                .isEqualTo(new QuotaPolicy(100, 0, 2L << 30, SpaceRecovery.MANUAL));
        assertThat(config.tenants().tenants().get("acme"))
                .isEqualTo(
                        new TenantConfig(
                                List.of("acme-client"),
                                List.of("acme.test"),
                                new QuotaPolicy(0, 0, 2L << 30, SpaceRecovery.AUTOMATIC),
                                new LeaseTtlPolicy(
                                        Duration.ofSeconds(5),
                                        Duration.ofMinutes(1),
                                        Duration.ofHours(2))));
    }

    @Test
    void reportsEveryMistakeInTablesOfTenants() throws Exception {
        ConfigException e =
                failure(() ->
                        load(
                                MINIMAL
                                        + """
                                        [tenants.tenant."no spaces"]
                                        [tenants.tenant.a]
                                        identitys = ["x"]
                                        server_names = ["shared.test"]
                                        lease_ttl_max_ms = 30000
                                        [tenants.tenant.b]
                                        server_names = ["shared.test"]
                                        qps_limit = -1
                                        """));

        assertThat(e.getMessage())
                .contains("tenants.tenant: found the name \"no spaces\"")
                .contains(
                        "tenants.tenant.a.identitys: found a key that does not exist; allowed"
                                + " tenants.tenant.a.identities (nearest name)")
                .contains("tenants.tenant.a.lease_ttl_max_ms: found minimum, default and maximum")
                .contains("tenants.tenant.b.server_names: found \"shared.test\"")
                .contains("tenants.tenant.b.qps_limit: found -1");
        assertThat(e.problems()).hasSize(5);
    }

    @Test
    void recordsRefuseWhatTheFileWouldRefuse() throws Exception {
        LatticeConfig valid = load(MINIMAL);

        assertThatThrownBy(() -> new LatticeConfig.Batching(1, 1, Duration.ZERO, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("batching.max_batch_bytes: found 1");
        assertThatThrownBy(() ->
                        new LatticeConfig(
                                valid.controlPlane(),
                                valid.cluster(),
                                valid.grpc(),
                                new LatticeConfig.Storage(
                                        new LatticeConfig.Durability(
                                                valid.durability().mode(),
                                                7,
                                                valid.durability().fsyncPolicy()),
                                        valid.paths()),
                                valid.tenants(),
                                valid.telemetry(),
                                valid.tuning()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("durability.quorum_size: found 7");
    }

    private LatticeConfig load(String toml) throws ConfigException, IOException {
        return ConfigLoader.load(write(toml), Map.of(), Map.of());
    }

    private Path write(String toml) throws IOException {
        return Files.writeString(directory.resolve("lattice.toml"), toml);
    }

    private static ConfigException failure(ThrowingCallable call) {
        ConfigException e = catchThrowableOfType(ConfigException.class, call);
        assertThat(e).isNotNull();
        return e;
    }
}
