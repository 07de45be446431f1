package io.lattice.it.lease;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.mvccpb.Event;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// A lease never ends before its TTL has passed, and a dead or paused leader neither takes from it nor gives it much. All
/// times are of this process' monotonic clock.
class LeaseFaultTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private static final int MANY = 4_000;
    private static final long MANY_TTL_SECONDS = 20;

    /// Keys of a lease that take a second to be deleted.
    private static final int DRAINED = 20_000;

    /// Beyond the TTL: allowance and tick, and what the machine is slow by.
    private static final long LATE_MS_MAX = 2_000;

    /// Time that nobody leads, which isn't counted.
    private static final long ELECTION_MS_MAX = 4_000;

    private static int other(TestCluster cluster, int leader) {
        return (leader + 1) % cluster.size();
    }

    private static long now() {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
    }

    /// Waits until a read says that the key is gone.
    private static long goneAt(LeaseClient client, String key) {
        long[] asked = new long[1];
        Await.until(
                key + " is gone",
                LIMIT,
                () -> {
                    Boolean exists = client.exists(key);
                    asked[0] = now();
                    return exists != null && !exists;
                });
        return asked[0];
    }

    @Test
    void aLeaseEndsInTimeWithoutFaults() {
        TestCluster cluster = CLUSTERS.plain("calm", new LatticeKind(), 3);
        LeaseClient client = new LeaseClient(cluster, other(cluster, cluster.awaitLeader()));
        long before = now();
        client.grantWithKey(7, 3, "calm");
        long after = now();

        long gone = goneAt(client, "calm");

        assertThat(gone - before).isGreaterThanOrEqualTo(3_000);
        assertThat(gone - after).isLessThanOrEqualTo(3_000 + LATE_MS_MAX);
        assertThat(client.timeToLive(7).getTTL()).isEqualTo(-1);
    }

    @Test
    void aLeaseKeepsItsTtlWhenTheLeaderIsKilled() throws InterruptedException {
        TestCluster cluster = CLUSTERS.plain("killed", new LatticeKind(), 3);
        int leader = cluster.awaitLeader();
        LeaseClient client = new LeaseClient(cluster, other(cluster, leader));
        long before = now();
        client.grantWithKey(7, 10, "left");
        long after = now();
        client.grantWithKey(8, 5, "kept");
        LeaseClient.KeepAlive keepAlive = client.keepAlive();
        // Late, so that a TTL that began anew would be far beyond what is allowed.
        Await.until(
                "most of the TTL has passed",
                LIMIT,
                () -> {
                    keepAlive.send(8);
                    assertThat(keepAlive.next()).isEqualTo("8: 5");
                    return client.timeToLive(7).getTTL() <= 3;
                });

        cluster.kill(leader);
        keepAlive.send(8);
        assertThat(keepAlive.next()).as("over the change of leaders").isEqualTo("8: 5");
        long gone = goneAt(client, "left");

        assertThat(gone - before).isGreaterThanOrEqualTo(10_000);
        assertThat(gone - after).isLessThanOrEqualTo(10_000 + LATE_MS_MAX + ELECTION_MS_MAX);
        keepAlive.end();
        assertThat(keepAlive.next()).isEqualTo("completed");
        long keptGone = goneAt(client, "kept");
        assertThat(keptGone).isGreaterThanOrEqualTo(before + 5_000);
    }

    @Test
    void aPausedLeaderNeitherEndsNorRenewsWhenItIsSuperseded() throws InterruptedException {
        TestCluster cluster = CLUSTERS.plain("paused", new LatticeKind(), 3);
        int leader = cluster.awaitLeader();
        LeaseClient old = new LeaseClient(cluster, leader);
        LeaseClient client = new LeaseClient(cluster, other(cluster, leader));
        client.grantWithKey(7, 3, "left");
        client.grantWithKey(8, 6, "kept");
        LeaseClient.KeepAlive oldKeepAlive = old.keepAlive();
        long renewing = now();
        oldKeepAlive.send(7);
        assertThat(oldKeepAlive.next()).isEqualTo("7: 3");
        LeaseClient.KeepAlive keepAlive = client.keepAlive();
        long before = now();
        long[] gone = {0};

        cluster.pause(leader);
        try {
            // Waits in the paused leader's socket.
            oldKeepAlive.send(7);
            Await.until(
                    "the lease has ended elsewhere, and time for the other has passed",
                    LIMIT,
                    () -> {
                        keepAlive.send(8);
                        assertThat(keepAlive.next()).isEqualTo("8: 6");
                        if (gone[0] == 0 && Boolean.FALSE.equals(client.exists("left"))) {
                            gone[0] = now();
                        }
                        return gone[0] > 0 && now() - before > 9_000;
                    });
        } finally {
            cluster.resume(leader);
        }

        assertThat(gone[0] - renewing).isGreaterThanOrEqualTo(3_000);
        assertThat(gone[0] - before).isLessThanOrEqualTo(3_000 + LATE_MS_MAX + ELECTION_MS_MAX);
        assertThat(oldKeepAlive.next()).as("of the paused leader").doesNotEndWith("7: 3");
        for (int i = 0; i < 20; i++) {
            keepAlive.send(8);
            assertThat(keepAlive.next()).isEqualTo("8: 6");
            assertThat(client.exists("kept")).isNotEqualTo(false);
        }
        Await.until("the old leader follows", LIMIT, () -> Boolean.TRUE.equals(old.exists("kept")));
    }

    @Test
    void manyLeasesEndOnceEachWhenTheLeaderIsKilledWhileTheyDo() throws InterruptedException {
        TestCluster cluster = CLUSTERS.plain("many", new LatticeKind(), 3);
        int leader = cluster.awaitLeader();
        LeaseClient client = new LeaseClient(cluster, other(cluster, leader));
        long before = now();
        long revision = client.grantManyWithKeys(MANY, MANY_TTL_SECONDS, "many/");
        long after = now();
        assertThat(client.count("many/")).isEqualTo(MANY);
        assertThat(now() - before)
                .as("ms, or the first may have ended")
                .isLessThan(MANY_TTL_SECONDS * 1_000);
        Await.until("the first have ended", LIMIT, () -> client.count("many/") < MANY);
        assertThat(now() - before).isGreaterThanOrEqualTo(MANY_TTL_SECONDS * 1_000);

        cluster.kill(leader);
        Await.until("all have ended", LIMIT, () -> client.count("many/") == 0);

        assertThat(now() - after)
                .isLessThanOrEqualTo(MANY_TTL_SECONDS * 1_000 + LATE_MS_MAX + ELECTION_MS_MAX);
        assertThat(client.leases()).isZero();
        List<Event> ends = client.deletionsSince(revision + 1, "many/", MANY);
        assertThat(ends.stream().map(e -> e.getKv().getKey())).doesNotHaveDuplicates();
        assertThat(ends.stream().map(e -> e.getKv().getModRevision()))
                .as("a revision for each lease")
                .doesNotHaveDuplicates();
    }

    @Test
    void keysOfARevokedLeaseStayGoneWhenTheLeaderIsKilledWhileTheyAreDeleted()
            throws InterruptedException {
        TestCluster cluster = CLUSTERS.plain("drained", new LatticeKind(), 3);
        int leader = cluster.awaitLeader();
        LeaseClient client = new LeaseClient(cluster, other(cluster, leader));
        cluster.client(leader).grantWithKeys(7, 600, "drained/", DRAINED);
        client.grantWithKey(8, 600, "kept");

        long revoked = client.revoke(7);
        cluster.kill(leader);

        long[] count = {-1};
        Await.until(
                "the other nodes answer",
                LIMIT,
                () -> {
                    count[0] = client.count("drained/");
                    return count[0] != Long.MAX_VALUE;
                });
        assertThat(count[0]).isZero();
        cluster.startNode(leader);
        cluster.awaitReady(leader);
        // However much each has deleted of them.
        Await.until(
                "all nodes have the revoke",
                LIMIT,
                () -> cluster.client(leader).status().getHeader().getRevision() >= revoked);
        assertThat(
                        IntStream.range(0, cluster.size())
                                .mapToObj(node -> cluster.client(node).hashKv(revoked).getHash()))
                .containsOnly(cluster.client(leader).hashKv(revoked).getHash());
        List<Event> deletions = client.deletionsSince(revoked, "drained/", DRAINED);
        assertThat(deletions).hasSize(DRAINED);
        assertThat(deletions.stream().map(e -> e.getKv().getModRevision())).containsOnly(revoked);
        assertThat(deletions.stream().map(e -> e.getKv().getKey().toStringUtf8()))
                .isSorted()
                .doesNotHaveDuplicates();
        assertThat(client.exists("kept")).isTrue();
        client.grantWithKey(7, 600, "drained/000007");
        assertThat(client.count("drained/")).isOne();
    }

    @Test
    void timeOfAPauseIsNotCounted() throws InterruptedException {
        TestCluster cluster = CLUSTERS.plain("alone", new LatticeKind(), 1);
        cluster.awaitLeader();
        LeaseClient client = new LeaseClient(cluster, 0);
        client.grantWithKey(7, 4, "alone");
        LeaseClient.KeepAlive keepAlive = client.keepAlive();
        keepAlive.send(7);
        assertThat(keepAlive.next()).isEqualTo("7: 4");
        long paused = now();

        cluster.pause(0);
        try {
            keepAlive.send(7);
            Await.until("twice the TTL has passed", LIMIT, () -> now() - paused > 8_000);
        } finally {
            cluster.resume(0);
        }

        assertThat(keepAlive.next()).as("sent in time, held up with the server").isEqualTo("7: 4");
        long before = now();
        assertThat(goneAt(client, "alone") - before).isBetween(2_000L, 4_000 + LATE_MS_MAX);
    }
}
