package io.lattice.it.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.lattice.cp.agent.CpAgent;
import io.lattice.cp.agent.RefusedManifest;
import io.lattice.cp.cache.CacheLimits;
import io.lattice.cp.cache.CacheState;
import io.lattice.cp.client.ClientTls;
import io.lattice.cp.client.ControlPlaneClient;
import io.lattice.cp.client.ControlPlaneException;
import io.lattice.cp.client.Reading;
import io.lattice.cp.document.ManifestDocuments;
import io.lattice.cp.document.TenantDefaults;
import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import io.lattice.gateway.security.SwappableTls;
import io.lattice.gateway.security.TlsFiles;
import io.lattice.gateway.security.TlsMaterial;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.Ports;
import io.lattice.it.cluster.ServerKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The agent against real control planes.
class AgentTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration LIMIT = Duration.ofSeconds(30);

    /// Long enough that only the watch can tell of a change within [#LIMIT].
    private static final CacheLimits CALM =
            new CacheLimits(Duration.ofMinutes(10), Duration.ofMinutes(1));

    private static final CacheLimits HASTY =
            new CacheLimits(Duration.ofSeconds(2), Duration.ofSeconds(1));

    private static final String GROUP =
            "{\"replicas\": [{\"nodeId\": \"n1\", \"raftAddress\": \"h1:2380\"}]}";

    @TempDir private Path directory;

    private static ServerKind kind(String name) {
        return name.equals("etcd") ? new EtcdKind(false) : new LatticeKind();
    }

    private static String tenant(int epoch, int qps) {
        return "{\"routingEpoch\": %d, \"group\": \"g1\", \"quotas\": {\"requestsPerSecond\": %d}}"
                .formatted(epoch, qps);
    }

    private static void put(TestCluster cp, String... keysAndValues) {
        TxnRequest.Builder txn = TxnRequest.newBuilder();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            txn.addSuccess(
                    RequestOp.newBuilder()
                            .setRequestPut(
                                    PutRequest.newBuilder()
                                            .setKey(
                                                    ByteString.copyFromUtf8(
                                                            ManifestDocuments.PREFIX
                                                                    + keysAndValues[i]))
                                            .setValue(
                                                    ByteString.copyFromUtf8(
                                                            keysAndValues[i + 1]))));
        }
        assertThat(cp.client(0).kv(10).txn(txn.build()).getSucceeded()).isTrue();
    }

    private static ControlPlaneClient client(List<URI> endpoints, @Nullable ClientTls tls)
            throws ControlPlaneException {
        return new ControlPlaneClient(
                endpoints, tls, ManifestDocuments.PREFIX, Duration.ofSeconds(2), System::nanoTime);
    }

    private static ControlPlaneClient client(TestCluster cp) throws ControlPlaneException {
        return client(List.of(URI.create(cp.clientUrl(0))), null);
    }

    private CpAgent follow(CacheLimits limits, ControlPlaneClient client) {
        return CpAgent.start(
                new CpAgent.Settings(
                        limits,
                        new TenantDefaults(
                                new LeaseTtlPolicy(
                                        Duration.ofSeconds(2),
                                        Duration.ofMinutes(1),
                                        Duration.ofDays(1)),
                                QuotaPolicy.UNLIMITED,
                                Duration.ofMinutes(5)),
                        directory),
                client);
    }

    private static long qps(CpAgent agent) {
        Manifest.Tenant tenant = agent.current().tenants().get("a");
        return tenant == null ? -1 : tenant.quota().requestsPerSecond();
    }

    private static void await(CpAgent agent, long qps) {
        Await.until("the quota is " + qps, LIMIT, () -> qps(agent) == qps);
    }

    private static void await(CpAgent agent, CacheState state) {
        Await.until("the cache is " + state, LIMIT, () -> agent.state() == state);
    }

    @ParameterizedTest
    @ValueSource(strings = {"etcd", "lattice"})
    void followsWhatIsPutAndRefusesWhatIsWrong(String name) throws Exception {
        TestCluster cp = CLUSTERS.plain("follows-" + name, kind(name), 1);
        try (CpAgent agent = follow(CALM, client(cp))) {
            Await.until("the agent has looked", LIMIT, () -> agent.refused() != null);
            assertThat(agent.state()).isEqualTo(CacheState.EXPIRED);
            assertThat(refused(agent))
                    .containsExactly("/clustor/v1/groups/: found no group; allowed at least one");

            put(cp, "groups/g1", GROUP, "tenants/a", tenant(3, 1));
            await(agent, 1);
            assertThat(agent.state()).isEqualTo(CacheState.FRESH);
            assertThat(agent.refused()).isNull();

            put(cp, "tenants/a", "{garbage");
            Await.until("garbage is refused", LIMIT, () -> agent.refused() != null);
            assertThat(refused(agent))
                    .allMatch(problem -> problem.startsWith("/clustor/v1/tenants/a"));
            put(cp, "tenants/a", tenant(2, 9));
            Await.until(
                    "the epoch that goes back is refused",
                    LIMIT,
                    () -> refused(agent).getFirst().contains("routingEpoch: found 2; allowed 3"));
            assertThat(qps(agent)).isEqualTo(1);

            put(cp, "tenants/a", tenant(4, 5));
            await(agent, 5);
            assertThat(agent.refused()).isNull();
            cp.client(0)
                    .kv(10)
                    .deleteRange(
                            DeleteRangeRequest.newBuilder()
                                    .setKey(ByteString.copyFromUtf8("/clustor/v1/tenants/a"))
                                    .build());
            await(agent, -1);
        }
    }

    private static List<String> refused(CpAgent agent) {
        RefusedManifest refused = agent.refused();
        return refused == null
                ? List.of("")
                : refused.problems().stream().map(Object::toString).toList();
    }

    @ParameterizedTest
    @ValueSource(strings = {"etcd", "lattice"})
    void agesWhileTheControlPlaneIsStoppedAndIsFreshWhenItIsBack(String name) throws Exception {
        TestCluster cp = CLUSTERS.plain("stops-" + name, kind(name), 1);
        put(cp, "groups/g1", GROUP, "tenants/a", tenant(1, 1));
        try (CpAgent agent = follow(HASTY, client(cp))) {
            await(agent, 1);

            cp.kill(0);
            Set<CacheState> seen = statesUntilExpired(agent);
            assertThat(seen).isEqualTo(EnumSet.allOf(CacheState.class));
            assertThat(agent.outage()).contains(cp.clientUrl(0));
            assertThat(qps(agent)).isEqualTo(1);

            cp.startNode(0);
            await(agent, CacheState.FRESH);
            put(cp, "tenants/a", tenant(1, 2));
            await(agent, 2);
        }
    }

    private static Set<CacheState> statesUntilExpired(CpAgent agent) {
        Set<CacheState> seen = EnumSet.noneOf(CacheState.class);
        Await.until(
                "the manifest is expired",
                LIMIT,
                () -> {
                    CacheState state = agent.state();
                    seen.add(state);
                    return state == CacheState.EXPIRED;
                });
        return seen;
    }

    @Test
    void aPausedControlPlaneHoldsNothingUp() throws Exception {
        TestCluster cp = CLUSTERS.plain("pauses", kind("etcd"), 1);
        put(cp, "groups/g1", GROUP, "tenants/a", tenant(1, 1));
        try (CpAgent agent = follow(HASTY, client(cp))) {
            await(agent, 1);

            cp.pause(0);
            try {
                assertThat(statesUntilExpired(agent)).contains(CacheState.STALE);
                assertThat(agent.outage()).contains("DEADLINE_EXCEEDED");
            } finally {
                cp.resume(0);
            }
            await(agent, CacheState.FRESH);
        }
    }

    /// What a refused manifest stands in the place of isn't confirmed.
    @Test
    void ageGoesOnWhileWhatIsThereIsRefused() throws Exception {
        TestCluster cp = CLUSTERS.plain("refuses", kind("etcd"), 1);
        put(cp, "groups/g1", GROUP, "tenants/a", tenant(1, 1));
        try (CpAgent agent = follow(HASTY, client(cp))) {
            await(agent, 1);

            put(cp, "tenants/a", "[]");
            await(agent, CacheState.STALE);
            assertThat(agent.outage()).isNull();

            put(cp, "tenants/a", tenant(1, 1));
            await(agent, CacheState.FRESH);
        }
    }

    @Test
    void theDiskCopyServesAStartWhileTheControlPlaneIsAway() throws Exception {
        TestCluster cp = CLUSTERS.plain("copies", kind("etcd"), 1);
        put(cp, "groups/g1", GROUP, "tenants/a", tenant(7, 1));
        String digest;
        try (CpAgent agent = follow(CALM, client(cp))) {
            await(agent, 1);
            digest = agent.current().digest();
            Await.until(
                    "it is on the disk",
                    LIMIT,
                    () -> Files.exists(directory.resolve(CpAgent.COPY_NAME)));
        }
        cp.kill(0);
        URI nobody = URI.create("http://127.0.0.1:" + Ports.free());

        try (CpAgent agent = follow(CALM, client(List.of(nobody), null))) {
            agent.awaitManifest(LIMIT, () -> {});
            assertThat(agent.current().digest()).isEqualTo(digest);
            assertThat(agent.state()).isEqualTo(CacheState.FRESH);
            assertThat(agent.age()).isPositive();
        }

        // What was in force before the restart still binds: the epoch can't go back.
        cp.startNode(0);
        cp.awaitReady();
        put(cp, "tenants/a", tenant(6, 2));
        try (CpAgent agent = follow(CALM, client(cp))) {
            Await.until("the older epoch is refused", LIMIT, () -> agent.refused() != null);
            assertThat(qps(agent)).isEqualTo(1);
        }

        damage(directory.resolve(CpAgent.COPY_NAME));
        try (CpAgent agent = follow(CALM, client(List.of(nobody), null))) {
            Await.until("the agent has looked", LIMIT, () -> agent.outage() != null);
            assertThat(agent.current()).isEqualTo(Manifest.EMPTY);
            assertThat(agent.state()).isEqualTo(CacheState.EXPIRED);
        }
    }

    private static void damage(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length / 2] ^= 1;
        Files.write(file, bytes);
    }

    @Test
    void goesOnWithAnotherEndpoint() throws Exception {
        TestCluster cp = CLUSTERS.plain("fails-over", kind("etcd"), 3);
        put(cp, "groups/g1", GROUP, "tenants/a", tenant(1, 1));
        List<URI> endpoints =
                List.of(
                        URI.create("http://127.0.0.1:" + Ports.free()),
                        URI.create(cp.clientUrl(0)),
                        URI.create(cp.clientUrl(1)));
        CacheLimits limits = new CacheLimits(Duration.ofSeconds(6), Duration.ofSeconds(6));
        try (CpAgent agent = follow(limits, client(endpoints, null))) {
            await(agent, 1);

            cp.pause(0);
            try {
                put(cp.client(1), tenant(1, 2));
                await(agent, 2);
            } finally {
                cp.resume(0);
            }
        }
    }

    private static void put(io.lattice.it.cluster.NodeClient node, String tenant) {
        Await.until(
                "the tenant is put",
                LIMIT,
                () ->
                        node.kv(5)
                                        .put(
                                                PutRequest.newBuilder()
                                                        .setKey(
                                                                ByteString.copyFromUtf8(
                                                                        "/clustor/v1/tenants/a"))
                                                        .setValue(ByteString.copyFromUtf8(tenant))
                                                        .build())
                                        .getHeader()
                                        .getRevision()
                                > 0);
    }

    @Test
    void aWatchThatCompactionHasOvertakenSaysSo() throws Exception {
        TestCluster cp = CLUSTERS.plain("compacts", kind("etcd"), 1);
        for (int i = 1; i < 6; i++) {
            put(cp, "groups/g1", GROUP, "tenants/a", tenant(i, i));
        }
        cp.client(0).kv(10).compact(CompactionRequest.newBuilder().setRevision(5).build());
        try (ControlPlaneClient client = client(cp)) {
            assertThat(client.read().entries()).hasSize(2);
            CompletableFuture<String> ended = new CompletableFuture<>();

            client.watch(2, () -> {}, ended::complete);

            assertThat(ended.get(30, TimeUnit.SECONDS)).isEqualTo("compacted at revision 5");
        }
    }

    @Test
    void readsManyDocumentsAtOneRevision() throws Exception {
        TestCluster cp = CLUSTERS.plain("pages", kind("etcd"), 1);
        for (int i = 0; i < 450; i += 50) {
            String[] entries = new String[100];
            for (int j = 0; j < 50; j++) {
                entries[2 * j] = "tenants/t%03d".formatted(i + j);
                entries[2 * j + 1] = tenant(1, i + j);
            }
            put(cp, entries);
        }
        try (ControlPlaneClient client = client(cp)) {
            Reading reading = client.read();

            assertThat(reading.entries()).hasSize(450);
            assertThat(reading.revision()).isEqualTo(10);
            assertThat(reading.entries().lastKey()).isEqualTo("/clustor/v1/tenants/t449");
        }
    }

    @Test
    void twoOperatorsDoNotOverwriteEachOther() throws Exception {
        TestCluster cp = CLUSTERS.plain("commits", kind("etcd"), 1);
        put(cp, "groups/g1", GROUP, "tenants/a", tenant(1, 1));
        Map<String, String> change = Map.of("/clustor/v1/tenants/a", tenant(1, 2));
        try (ControlPlaneClient client = client(cp)) {
            Reading seen = client.read();
            put(cp, "tenants/b", tenant(1, 1));
            assertThat(client.commit(seen, change.keySet(), change, List.of())).isEmpty();

            seen = client.read();
            cp.client(0)
                    .kv(10)
                    .deleteRange(
                            DeleteRangeRequest.newBuilder()
                                    .setKey(ByteString.copyFromUtf8("/clustor/v1/groups/g1"))
                                    .build());
            assertThat(
                            client.commit(
                                    seen,
                                    List.of("/clustor/v1/groups/g1", "/clustor/v1/tenants/a"),
                                    change,
                                    List.of()))
                    .isEmpty();

            seen = client.read();
            OptionalLong revision =
                    client.commit(seen, change.keySet(), change, List.of("/clustor/v1/tenants/b"));
            assertThat(revision).hasValue(seen.revision() + 1);
            assertThat(client.read().values())
                    .isEqualTo(
                            Map.of("/clustor/v1/tenants/a", ByteString.copyFromUtf8(tenant(1, 2))));
        }
    }

    @Test
    void speaksMutualTls() throws Exception {
        TestCluster cp = CLUSTERS.secure("secure", kind("etcd"), 1);
        put(cp, "groups/g1", GROUP, "tenants/a", tenant(1, 1));
        io.lattice.it.cluster.TlsMaterial files = Objects.requireNonNull(cp.tls());
        List<URI> endpoint = List.of(URI.create(cp.clientUrl(0)));
        try (CpAgent agent = follow(CALM, client(endpoint, tls(files.ca(), files)))) {
            await(agent, 1);
        }
        io.lattice.it.cluster.TlsMaterial foreign =
                io.lattice.it.cluster.TlsMaterial.create(directory.resolve("foreign"), List.of());

        try (ControlPlaneClient client = client(endpoint, tls(files.ca(), foreign))) {
            assertThatThrownBy(client::read).isInstanceOf(ControlPlaneException.class);
        }
        try (ControlPlaneClient client = client(endpoint, tls(foreign.ca(), files))) {
            assertThatThrownBy(client::read)
                    .isInstanceOf(ControlPlaneException.class)
                    .hasMessageContaining(cp.clientUrl(0));
        }
    }

    private static ClientTls tls(Path ca, io.lattice.it.cluster.TlsMaterial client)
            throws IOException {
        SwappableTls tls =
                new SwappableTls(
                        TlsMaterial.load(
                                new TlsFiles(client.clientCertificate(), client.clientKey(), ca)));
        return new ClientTls(tls.keyManager(), tls.trustManager());
    }
}
