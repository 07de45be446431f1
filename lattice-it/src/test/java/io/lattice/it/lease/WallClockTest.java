package io.lattice.it.lease;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.cluster.WallClock;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// What the wall clocks of nodes do neither ends nor prolongs a lease, nor stops writes. All times are of this process'
/// monotonic clock.
class WallClockTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final long TTL_SECONDS = 6;

    /// Beyond the TTL: allowance and tick, what the machine is slow by, and an election if it is that slow. Far from an hour.
    private static final long LATE_MS_MAX = 6_000;

    private static long now() {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
    }

    @Test
    void jumpsOfTheWallClockByAnHourLeaveLeasesAndWritesAlone() {
        WallClock clock = WallClock.create(CLUSTERS.directory("library"));
        TestCluster cluster = CLUSTERS.plain("clocks", new LatticeKind(clock), 3);

        leaseLivesForItsTtl(
                cluster, leader -> clock.jump(cluster.node(leader), Duration.ofHours(1)));
        // Two hours back; and now each node has a time of its own.
        leaseLivesForItsTtl(
                cluster,
                leader -> {
                    clock.jump(cluster.node(leader), Duration.ofHours(-1));
                    clock.jump(cluster.node((leader + 1) % 3), Duration.ofHours(1));
                });
    }

    /// @param jump given the leader once the lease is there; done well before its TTL has passed
    private static void leaseLivesForItsTtl(TestCluster cluster, IntConsumer jump) {
        int leader = cluster.awaitLeader();
        LeaseClient client = new LeaseClient(cluster, (leader + 2) % 3);
        long id = 1 + now();
        String key = "lease-" + id;
        long before = now();
        client.grantWithKey(id, TTL_SECONDS, key);
        long after = now();

        jump.accept(leader);
        long jumped = now();
        client.grantWithKey(id + 1, TTL_SECONDS, "written-after-the-jump");
        assertThat(client.exists("written-after-the-jump")).isTrue();
        long left = client.timeToLive(id).getTTL();
        assertThat(left).as("%d ms after the grant", jumped - after).isBetween(1L, TTL_SECONDS + 1);
        Await.until(key + " is gone", LIMIT, () -> Boolean.FALSE.equals(client.exists(key)));
        long gone = now();

        assertThat(gone - before).isGreaterThanOrEqualTo(TTL_SECONDS * 1_000);
        assertThat(gone - after).isLessThanOrEqualTo(TTL_SECONDS * 1_000 + LATE_MS_MAX);
    }
}
