package io.lattice.it.lease;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.watch.WatchRecorder;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What leases do to nodes on which nothing goes wrong.
class LeaseServiceTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private static final String PROGRESS = "[limits]\nwatch_progress_interval_ms = 300\n";

    /// At least 900 ms, in which three ticks would come.
    private static final int NOTIFICATIONS = 4;

    private static final int TICKS = 4;

    private static final int REVOKES = 4;
    private static final long TTL_SECONDS = 60;
    private static final int STREAMS_PER_NODE = 3;

    /// Renewals of a stream that are under way at once.
    private static final int BURST = 8;

    private static final int LATE_BURSTS = 2;

    private static final int DRAINED = 5_000;
    private static final int DRAINED_BY_TICK = 500;

    @Test
    void ticksAreWrittenOnlyWhileThereIsALease() {
        TestCluster cluster = CLUSTERS.plain("ticks", new LatticeKind(PROGRESS), 1);
        LeaseClient client = new LeaseClient(cluster, 0);
        try (WatchRecorder clock = WatchRecorder.open(cluster.client(0).channel())) {
            clock.create(
                    WatchCreateRequest.newBuilder()
                            .setKey(ByteString.copyFromUtf8("never"))
                            .setProgressNotify(true));
            clock.await("its creation", r -> r.count() == 1);
            assertQuiet(cluster, clock);

            client.grantWithKey(7, 600, "kept");
            awaitTicks(cluster);
            client.revoke(7);
            assertQuiet(cluster, clock);

            // Ticks go on until its keys are deleted.
            cluster.client(0).grantWithKeys(9, 600, "drained/", DRAINED);
            long begin = committed(cluster);
            client.revoke(9);
            Await.until(
                    "as many ticks are written as it takes",
                    LIMIT,
                    () -> committed(cluster) >= begin + DRAINED / DRAINED_BY_TICK);
            assertQuiet(cluster, clock);

            client.grantWithKey(8, 2, "left");
            awaitTicks(cluster);
            Await.until("it has ended", LIMIT, () -> Boolean.FALSE.equals(client.exists("left")));
            assertQuiet(cluster, clock);
        }
    }

    private static long committed(TestCluster cluster) {
        return cluster.client(0).status().getRaftIndex();
    }

    private static void awaitTicks(TestCluster cluster) {
        long before = committed(cluster);
        Await.until("ticks are written", LIMIT, () -> committed(cluster) >= before + TICKS);
    }

    /// Nothing is written any more once what has been is, however long one waits. The node tells the time, by its notifications.
    private static void assertQuiet(TestCluster cluster, WatchRecorder clock) {
        Await.until(
                "nothing is written between two notifications",
                LIMIT,
                () -> {
                    long before = committed(cluster);
                    awaitNotifications(clock, 1);
                    return committed(cluster) == before;
                });
        long before = committed(cluster);
        awaitNotifications(clock, NOTIFICATIONS);
        assertThat(committed(cluster)).isEqualTo(before);
    }

    private static void awaitNotifications(WatchRecorder clock, int count) {
        int before = clock.count();
        clock.await("notifications", r -> r.count() >= before + count);
    }

    /// Renewals that were sent together.
    ///
    /// @param late whether the revoke had been acknowledged before
    private record Burst(boolean late, List<String> answers) {}

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void noRenewalThatBeginsAfterARevokeIsGrantedAndNoneRevivesTheLease(int nodes)
            throws InterruptedException {
        TestCluster cluster = CLUSTERS.plain("revokes" + nodes, new LatticeKind(), nodes);
        int overtaken = 0;
        for (long id = 1; id <= REVOKES; id++) {
            LeaseClient client = new LeaseClient(cluster, (int) (id % nodes));
            client.grantWithKey(id, TTL_SECONDS, "k" + id);

            List<Burst> bursts = renewAndRevoke(cluster, client, id);

            String granted = id + ": " + TTL_SECONDS;
            String refused = id + ": 0";
            assertThat(bursts).allMatch(b -> b.answers().size() == BURST);
            for (Burst burst : bursts) {
                if (burst.late()) {
                    assertThat(burst.answers()).containsOnly(refused);
                } else {
                    assertThat(burst.answers()).isSubsetOf(granted, refused);
                    overtaken += burst.answers().contains(refused) ? 1 : 0;
                }
            }
            for (int i = 0; i < nodes; i++) {
                LeaseClient any = new LeaseClient(cluster, i);
                assertThat(any.timeToLive(id).getTTL()).isEqualTo(-1);
                assertThat(any.exists("k" + id)).isFalse();
            }
        }
        assertThat(new LeaseClient(cluster, 0).leases()).isZero();
        assertThat(overtaken).as("bursts that were under way").isPositive();
    }

    /// Renews a lease on many streams of all nodes while it is revoked, and goes on for a while.
    private static List<Burst> renewAndRevoke(TestCluster cluster, LeaseClient client, long id)
            throws InterruptedException {
        Queue<Burst> bursts = new ConcurrentLinkedQueue<>();
        AtomicBoolean revoked = new AtomicBoolean();
        List<Thread> renewing = new ArrayList<>();
        for (int i = 0; i < cluster.size() * STREAMS_PER_NODE; i++) {
            LeaseClient.KeepAlive stream = new LeaseClient(cluster, i % cluster.size()).keepAlive();
            renewing.add(Thread.ofVirtual().start(() -> renew(stream, id, revoked, bursts)));
        }
        Await.until("renewals go on", LIMIT, () -> bursts.size() >= renewing.size());
        assertThat(bursts.peek().answers()).containsOnly(id + ": " + TTL_SECONDS);
        client.revoke(id);
        revoked.set(true);
        for (Thread thread : renewing) {
            thread.join();
        }
        return List.copyOf(bursts);
    }

    private static void renew(
            LeaseClient.KeepAlive stream, long id, AtomicBoolean revoked, Queue<Burst> bursts) {
        for (int late = 0; late < LATE_BURSTS; ) {
            Burst burst = new Burst(revoked.get(), new ArrayList<>());
            for (int i = 0; i < BURST; i++) {
                stream.send(id);
            }
            try {
                for (int i = 0; i < BURST; i++) {
                    burst.answers().add(stream.next());
                }
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            bursts.add(burst);
            late += burst.late() ? 1 : 0;
        }
        stream.end();
    }
}
