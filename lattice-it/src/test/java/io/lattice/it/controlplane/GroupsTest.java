package io.lattice.it.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.ControlPlane;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.NodeSpec;
import io.lattice.it.cluster.TenantChannels;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.LeaseGrpc;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// Three nodes with several Raft groups, by the manifest of an etcd: g1 and g2 on all of them, g3 on the first two, later on
/// all, and then on some, and g4 that comes later. And one node that may have two groups only.
class GroupsTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final ByteString KEY = ByteString.copyFromUtf8("k");
    private static final List<String> EVERYWHERE = List.of("default", "acme", "umbrella");

    private static final String ELSEWHERE =
            "\"elsewhere\" is in group g3, which this node does not serve";
    private static final String LEADING = "lattice_group_leading{group=\"%s\",}";

    private ControlPlane cp;
    private TestCluster lattice;

    private void start() {
        cp = CLUSTERS.controlPlane();
        lattice = CLUSTERS.placed(cp);
        cp.putGroup("g1", lattice, 0, 1, 2);
        cp.putGroup("g2", lattice, 0, 1, 2);
        cp.putGroup("g3", lattice, 0, 1);
        cp.putTenant("default", "g1");
        cp.putTenant("acme", "g2");
        cp.putTenant("umbrella", "g2");
        cp.putTenant("elsewhere", "g3");
        lattice.startAll();
    }

    private KVGrpc.KVBlockingStub kv(int node, String tenant) {
        return KVGrpc.newBlockingStub(TenantChannels.of(lattice, node, tenant))
                .withDeadlineAfter(20, TimeUnit.SECONDS);
    }

    private long put(int node, String tenant, String value) {
        return kv(node, tenant)
                .put(
                        PutRequest.newBuilder()
                                .setKey(KEY)
                                .setValue(ByteString.copyFromUtf8(value))
                                .build())
                .getHeader()
                .getRevision();
    }

    private String get(int node, String tenant) {
        RangeResponse response =
                kv(node, tenant).range(RangeRequest.newBuilder().setKey(KEY).build());
        return response.getKvsCount() == 0 ? "" : response.getKvs(0).getValue().toStringUtf8();
    }

    @Test
    void eachTenantIsServedByItsGroup() throws Exception {
        start();
        List<String> groups = List.of("g1", "g2");
        for (String tenant : EVERYWHERE) {
            for (int node = 0; node < 3; node++) {
                String value = tenant + node;
                assertThat(put(node, tenant, value)).isEqualTo(2 + node);
                assertThat(get((node + 1) % 3, tenant)).isEqualTo(value);
            }
        }
        assertThat(put(0, "elsewhere", "here")).isEqualTo(2);
        assertThat(get(1, "elsewhere")).isEqualTo("here");
        StatusRuntimeException refused = getRefused(2);
        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(refused.getStatus().getDescription()).contains(ELSEWHERE);
        for (String group : groups) {
            assertThat(leaders(group)).as("leaders of " + group).isEqualTo(1);
        }

        aKilledNodeComesBackInAllItsGroups();
        aGroupOfALaterManifestIsOpened();
        aNodeJoinsAGroupThatALaterManifestGivesIt();
        leadersAreSpread();
        aNodeLeavesAGroupAndComesBack();
        theLeaderIsExchangedInOneStep();
    }

    private void aKilledNodeComesBackInAllItsGroups() {
        lattice.kill(1);
        for (String tenant : EVERYWHERE) {
            Await.until(
                    tenant + " has a leader again",
                    LIMIT,
                    () -> put(0, tenant, "without") > 0,
                    lattice::logTails);
        }
        lattice.startNode(1);
        lattice.awaitReady(1);
        for (String tenant : EVERYWHERE) {
            assertThat(get(1, tenant)).isEqualTo("without");
        }
        assertThat(get(1, "elsewhere")).isEqualTo("here");
    }

    private void aGroupOfALaterManifestIsOpened() throws Exception {
        cp.putGroup("g4", lattice, 0, 1, 2);
        cp.putTenant("late", "g4");

        for (int i = 0; i < 3; i++) {
            int node = i;
            Await.until(
                    "node " + node + " serves the new group",
                    LIMIT,
                    () -> put(node, "late", "late" + node) > 0,
                    lattice::logTails);
        }
        assertThat(get(0, "late")).isEqualTo("late2");
        assertThat(
                        LeaseGrpc.newBlockingStub(TenantChannels.of(lattice, 2, "late"))
                                .withDeadlineAfter(20, TimeUnit.SECONDS)
                                .leaseGrant(LeaseGrantRequest.newBuilder().setTTL(60).build())
                                .getTTL())
                .isEqualTo(60);
        assertThat(get(0, "default")).isEqualTo("without");
        assertThat(leaders("g4")).isEqualTo(1);
    }

    private void aNodeJoinsAGroupThatALaterManifestGivesIt() throws Exception {
        cp.putGroup("g3", lattice, 0, 1, 2);

        Await.until(
                "the node serves the group",
                LIMIT,
                () -> metricOrZero(2, "lattice_group_leader_elected{group=\"g3\",}") == 1,
                lattice::logTails);
        assertThat(get(2, "elsewhere")).isEqualTo("here");
        // Now that there are three, one may be away.
        lattice.kill(0);
        Await.until(
                "the two others have a leader",
                LIMIT,
                () -> put(2, "elsewhere", "joined") > 0,
                lattice::logTails);
        assertThat(get(1, "elsewhere")).isEqualTo("joined");
    }

    /// After the kill of a node, which leads nothing then.
    private void leadersAreSpread() {
        lattice.startNode(0);
        lattice.awaitReady(0);
        Await.until(
                "each node leads one or two of the four groups",
                LIMIT,
                () -> {
                    int sum = 0;
                    for (int node = 0; node < 3; node++) {
                        int led = led(node);
                        if (led < 1 || led > 2) {
                            return false;
                        }
                        sum += led;
                    }
                    return sum == 4;
                },
                lattice::logTails);
    }

    private int led(int node) throws IOException, InterruptedException {
        int led = 0;
        for (String group : List.of("g1", "g2", "g3", "g4")) {
            led += (int) metricOrZero(node, LEADING.formatted(group));
        }
        return led;
    }

    private void aNodeLeavesAGroupAndComesBack() throws Exception {
        int leader = 0;
        while (metricOrZero(leader, LEADING.formatted("g3")) == 0) {
            leader++;
        }
        int other = (leader + 1) % 3;
        assertThat(groupsOnDisk(leader)).isEqualTo(4);
        cp.putGroup("g3", lattice, other, (leader + 2) % 3);
        awaitGone(leader, "g3");
        assertThat(put(other, "elsewhere", "two are left")).isPositive();
        assertThat(getRefused(leader).getStatus().getDescription()).contains(ELSEWHERE);
        assertThat(groupsOnDisk(leader)).isEqualTo(3);
        for (Path directory : lattice.node(leader).stores()) {
            try (Stream<Path> left = Files.list(directory.resolve("left"))) {
                assertThat(left).singleElement().asString().contains("g3");
            }
        }

        // The two others are a quorum of two now, so the one that left is surely out.
        lattice.kill(leader);
        assertThat(put(other, "elsewhere", "without it")).isPositive();
        lattice.startNode(leader);
        lattice.awaitReady(leader);

        cp.putGroup("g3", lattice, 0, 1, 2);
        int back = leader;
        Await.until(
                "the node serves the group again",
                LIMIT,
                () -> metricOrZero(back, "lattice_group_leader_elected{group=\"g3\",}") == 1,
                lattice::logTails);
        assertThat(get(back, "elsewhere")).isEqualTo("without it");
        lattice.kill(other);
        Await.until(
                "it counts for the majority",
                LIMIT,
                () -> put(back, "elsewhere", "back") > 0,
                lattice::logTails);
        lattice.startNode(other);
        lattice.awaitReady(other);
        aNodeThatIsTakenOutWhileItIsAwayComesBack(leader, other);
    }

    /// Its log says that it is a member.
    private void aNodeThatIsTakenOutWhileItIsAwayComesBack(int away, int other) {
        put(other, "elsewhere", "all are here");
        lattice.kill(away);
        long before = changesWithout(away);
        cp.putGroup("g3", lattice, other, 3 - away - other);
        Await.until(
                "the leader has taken it out",
                LIMIT,
                () -> changesWithout(away) > before,
                lattice::logTails);
        put(other, "elsewhere", "without it again");
        cp.putGroup("g3", lattice, 0, 1, 2);
        lattice.startNode(away);
        lattice.awaitReady(away);

        Await.until(
                "the node serves the group again",
                LIMIT,
                () -> get(away, "elsewhere").equals("without it again"),
                lattice::logTails);
        assertThat(lattice.process(away).logText())
                .contains("this node was taken out of group g3")
                .doesNotContain("ending the process");
    }

    /// How often the members became some without a node, by the logs of the leaders.
    private long changesWithout(int node) {
        return IntStream.range(0, 3)
                .mapToObj(i -> lattice.process(i).logText())
                .flatMap(String::lines)
                .filter(line -> line.contains("the members are [") && line.contains("SUCCESS"))
                .filter(line -> !line.split("]: ", 2)[0].contains(lattice.node(node).name() + "~"))
                .count();
    }

    /// It leads the group to which it has to take its successor in.
    private void theLeaderIsExchangedInOneStep() throws Exception {
        cp.putGroup("g5", lattice, 0, 1);
        cp.putTenant("moved", "g5");
        Await.until(
                "the new group is served",
                LIMIT,
                () -> put(0, "moved", "here") > 0,
                lattice::logTails);
        int leader = metricOrZero(0, LEADING.formatted("g5")) == 1 ? 0 : 1;

        cp.putGroup("g5", lattice, 1 - leader, 2);

        awaitGone(leader, "g5");
        assertThat(get(2, "moved")).isEqualTo("here");
        assertThat(put(1 - leader, "moved", "elsewhere")).isPositive();
    }

    @Test
    void aNodeTakesNoMoreGroupsThanItMay() {
        cp = new ControlPlane(CLUSTERS.plain("limit-cp", new EtcdKind(false), 1));
        lattice =
                CLUSTERS.prepare(
                        TestCluster.Plan.plain(
                                LatticeKind.placed(cp.section() + "\n[limits]\ngroups_max = 2\n"),
                                1,
                                CLUSTERS.directory("limit")));
        cp.putGroup("g1", lattice, 0);
        cp.putGroup("g2", lattice, 0);
        cp.putTenant("default", "g1");
        cp.putTenant("acme", "g2");
        lattice.startAll();

        // Its name is the first.
        cp.putGroup("a", lattice, 0);
        cp.putTenant("elsewhere", "a");

        awaitThatAIsNotOpened(0);
        assertThat(put(0, "acme", "still")).isEqualTo(2);
        lattice.terminate(0);
        int former = lattice.process(0).logText().length();
        lattice.startNode(0);
        lattice.awaitReady(0);
        awaitThatAIsNotOpened(former);
        assertThat(get(0, "acme")).isEqualTo("still");
        assertThat(getRefused(0).getStatus().getDescription())
                .contains("\"elsewhere\" is in group a, which this node does not serve");
    }

    /// @param from characters of the log that are older
    private void awaitThatAIsNotOpened(int from) {
        String refusal =
                "group a is not opened: limits.groups_max: this node has 2 groups; allowed 2";
        Await.until(
                "the node says what it doesn't take",
                LIMIT,
                () -> lattice.process(0).logText().substring(from).contains(refusal),
                lattice::logTails);
    }

    private void awaitGone(int node, String group) {
        Await.until(
                "the node has left the group",
                LIMIT,
                () ->
                        lattice.process(node)
                                .logText()
                                .contains("left group " + group + ": what this node had"),
                lattice::logTails);
    }

    private StatusRuntimeException getRefused(int node) {
        return catchThrowableOfType(StatusRuntimeException.class, () -> get(node, "elsewhere"));
    }

    private long groupsOnDisk(int node) throws IOException {
        try (Stream<Path> groups =
                Files.list(lattice.node(node).directory().resolve("data/groups"))) {
            return groups.count();
        }
    }

    /// How many nodes say that they lead a group.
    private double leaders(String group) throws IOException, InterruptedException {
        double leaders = 0;
        for (int i = 0; i < 3; i++) {
            leaders += metric(i, LEADING.formatted(group));
        }
        return leaders;
    }

    private double metric(int node, String sample) throws IOException, InterruptedException {
        return samples(node, sample).findFirst().orElseThrow();
    }

    private double metricOrZero(int node, String sample) throws IOException, InterruptedException {
        return samples(node, sample).findFirst().orElse(0);
    }

    private DoubleStream samples(int node, String sample) throws IOException, InterruptedException {
        NodeSpec spec = lattice.node(node);
        try (HttpClient http = HttpClient.newHttpClient()) {
            HttpRequest request =
                    HttpRequest.newBuilder(
                                    URI.create(
                                            "http://%s:%d/metrics"
                                                    .formatted(spec.host(), spec.metricsPort())))
                            .timeout(Duration.ofSeconds(20))
                            .build();
            return http.send(request, HttpResponse.BodyHandlers.ofString())
                    .body()
                    .lines()
                    .filter(line -> line.startsWith(sample + " "))
                    .mapToDouble(line -> Double.parseDouble(line.substring(sample.length() + 1)));
        }
    }
}
