package io.lattice.it.failover;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.StatusRuntimeException;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.DiskFaults;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// Disks that refuse to sync or don't come back from it, under real nodes. What happens under load, and to whom it is
/// told, is in [FailoverTest].
class DiskFaultTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final int LOST_DISK_STATUS = 70;
    private static final Duration LIMIT = Duration.ofSeconds(40);

    /// A log that isn't synced for a minute ends the process.
    private static final Duration HUNG_LIMIT = Duration.ofSeconds(90);

    private static final int KEYS = 20;

    private static DiskFaults faults;

    @BeforeAll
    static void compile() {
        faults = DiskFaults.create(CLUSTERS.directory("disk-faults"));
    }

    private static TestCluster start(String name, int nodes, String configuration) {
        return CLUSTERS.plain(name, new LatticeKind(configuration, faults), nodes);
    }

    private static ByteString key(int number) {
        return ByteString.copyFromUtf8("key-%06d".formatted(number));
    }

    private static void put(TestCluster cluster, int node, int number) {
        var _ =
                cluster.client(node)
                        .kv(10)
                        .put(
                                PutRequest.newBuilder()
                                        .setKey(key(number))
                                        .setValue(ByteString.copyFromUtf8("value"))
                                        .build());
    }

    /// Puts new keys until one isn't acknowledged or the process has ended.
    ///
    /// @return the numbers that were acknowledged
    private static List<Integer> putUntilItEnds(TestCluster cluster, int node) {
        List<Integer> acknowledged = new ArrayList<>();
        for (int i = 0; cluster.process(node).isAlive(); i++) {
            try {
                put(cluster, node, KEYS + i);
            } catch (StatusRuntimeException e) {
                return acknowledged;
            }
            acknowledged.add(KEYS + i);
        }
        return acknowledged;
    }

    private static void assertHas(TestCluster cluster, int node, int number) {
        assertThat(
                        cluster.client(node)
                                .kv(10)
                                .range(RangeRequest.newBuilder().setKey(key(number)).build())
                                .getKvsCount())
                .as("key %d on node %d", number, node)
                .isEqualTo(1);
    }

    private static void assertEndedForItsDisk(TestCluster cluster, int node, Duration limit) {
        assertThat(cluster.process(node).awaitExit(limit))
                .as(cluster.process(node).logTail(20))
                .isEqualTo(LOST_DISK_STATUS);
    }

    @Test
    void oneFailedSyncOfTheLogEndsALoneNodeAndNothingAcknowledgedIsLost() {
        TestCluster cluster = start("log-fails", 1, "");
        for (int i = 0; i < KEYS; i++) {
            put(cluster, 0, i);
        }

        cluster.breakLogDisk(0, DiskFaults.Mode.FAIL_ONCE);
        List<Integer> acknowledged = putUntilItEnds(cluster, 0);

        assertEndedForItsDisk(cluster, 0, LIMIT);
        assertThat(cluster.process(0).logText()).contains("the Raft log can't be written");
        cluster.startNode(0);
        cluster.awaitReady(0);
        for (int i = 0; i < KEYS; i++) {
            assertHas(cluster, 0, i);
        }
        acknowledged.forEach(number -> assertHas(cluster, 0, number));
        put(cluster, 0, 0);
    }

    @Test
    void aFailedSyncOfTheStateEndsTheNodeAndNothingAcknowledgedIsLost() {
        TestCluster cluster =
                start("state-fails", 1, "[raft]\nsnapshot_threshold_entries = 100\n");
        faults.inject(
                cluster.node(0),
                DiskFaults.Mode.FAIL,
                cluster.node(0).directory().resolve("data") + "/*");

        List<Integer> acknowledged = putUntilItEnds(cluster, 0);

        assertEndedForItsDisk(cluster, 0, LIMIT);
        cluster.healDisks(0);
        cluster.startNode(0);
        cluster.awaitReady(0);
        assertThat(acknowledged).isNotEmpty();
        acknowledged.forEach(number -> assertHas(cluster, 0, number));
    }

    @Test
    void aNodeWhoseDiskRefusesItsTermEndsInsteadOfWaitingForAnElection() {
        TestCluster cluster = start("term-fails", 1, "");
        put(cluster, 0, 0);
        cluster.terminate(0);
        faults.inject(cluster.node(0), DiskFaults.Mode.FAIL, "*/raft-meta.tmp");

        cluster.startNode(0);

        assertEndedForItsDisk(cluster, 0, LIMIT);
        assertThat(cluster.process(0).logText()).contains("disk refused a new term");
        cluster.healDisks(0);
        cluster.startNode(0);
        cluster.awaitReady(0);
        assertHas(cluster, 0, 0);
    }

    @Test
    void aLeaderWhoseDiskStaysHungHandsOverAndThenEnds() {
        TestCluster cluster = start("stays-hung", 3, "");
        int victim = cluster.awaitLeader();
        int other = (victim + 1) % cluster.size();
        List<Integer> acknowledged = new ArrayList<>();
        for (int i = 0; i < KEYS; i++) {
            put(cluster, victim, i);
            acknowledged.add(i);
        }

        cluster.breakLogDisk(victim, DiskFaults.Mode.HANG);
        Await.until(
                "a write goes through another node",
                LIMIT,
                () -> {
                    put(cluster, other, KEYS);
                    return true;
                },
                cluster::logTails);
        acknowledged.add(KEYS);
        assertThat(cluster.awaitLeader()).isNotEqualTo(victim);
        assertThat(cluster.process(victim).logText()).contains("giving up leadership");
        assertEndedForItsDisk(cluster, victim, HUNG_LIMIT);
        put(cluster, other, KEYS + 1);
        acknowledged.add(KEYS + 1);

        cluster.healDisks(victim);
        cluster.startNode(victim);
        cluster.awaitReady(victim);
        acknowledged.forEach(number -> assertHas(cluster, victim, number));
    }
}
