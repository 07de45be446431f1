package io.lattice.it.recipes;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.Etcdctl;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.ServerProcess;
import io.lattice.it.cluster.TestCluster;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// `etcdctl lock`, `elect`, `lease keep-alive` and `watch -i`, whose processes stay: beside each other, ended and killed, with
/// the leader killed too.
class EtcdctlRecipesTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private static final Pattern REVISION = Pattern.compile("\"revision\":([0-9]+)");

    private static TestCluster cluster;
    private static Etcdctl lattice;
    private static Etcdctl etcd;

    @BeforeAll
    static void startServers() {
        cluster = CLUSTERS.secure("lattice", new LatticeKind(), 3);
        lattice = new Etcdctl(cluster.endpoints(), cluster.tls());
        etcd = Etcdctl.of(CLUSTERS.secure("etcd", new EtcdKind(false), 1), 0);
    }

    private static ServerProcess start(String name, String... arguments) {
        return lattice.start(CLUSTERS.directory("output").resolve(name + ".log"), arguments);
    }

    /// What it printed, without the client's own log, which says what it tries again.
    private static List<String> printed(ServerProcess process) {
        return process.logText().lines().filter(line -> !line.startsWith("{")).toList();
    }

    private static void awaitLines(ServerProcess process, int count) {
        Await.until(
                process.name() + " has printed %d lines".formatted(count),
                LIMIT,
                () -> printed(process).size() >= count,
                () -> process.logTail(20));
    }

    private static List<String> keys(String prefix) {
        return lattice.run("get", prefix, "--prefix", "--keys-only")
                .orThrow()
                .out()
                .lines()
                .filter(line -> !line.isBlank())
                .toList();
    }

    private static void awaitKeys(String prefix, int count) {
        Await.until(
                "%d keys are below %s".formatted(count, prefix),
                LIMIT,
                () -> keys(prefix).size() == count);
    }

    @Test
    void aLockPassesOnWhenItsHolderIsKilledAndWhenItIsEnded() {
        long before = System.nanoTime();
        try (ServerProcess first = start("first", "lock", "--ttl=5", "door")) {
            awaitLines(first, 1);
            try (ServerProcess second = start("second", "lock", "--ttl=5", "door")) {
                awaitKeys("door/", 2);
                assertThat(printed(second)).as("while the first one holds it").isEmpty();

                first.kill();
                awaitLines(second, 1);

                assertThat(Duration.ofNanos(System.nanoTime() - before))
                        .as("not before the lease of the killed one ended")
                        .isGreaterThan(Duration.ofSeconds(5));
                assertThat(keys("door/")).containsExactly(printed(second).getFirst());
                assertThat(second.terminate(LIMIT)).isZero();
                assertThat(keys("door/")).isEmpty();
            }
        }
    }

    @Test
    void aLockIsKeptOverTheEndOfTheLeaderAndAnotherClientGetsItAfterwards() {
        try (ServerProcess first = start("kept", "lock", "--ttl=10", "gate")) {
            awaitLines(first, 1);
            try (ServerProcess second = start("waiting", "lock", "--ttl=10", "gate")) {
                awaitKeys("gate/", 2);

                int leader = cluster.killLeader();
                awaitKeys("gate/", 2);
                assertThat(first.isAlive()).isTrue();
                assertThat(printed(second)).isEmpty();
                assertThat(first.terminate(LIMIT)).isZero();
                awaitLines(second, 1);

                assertThat(second.terminate(LIMIT)).isZero();
                cluster.startNode(leader);
                cluster.awaitReady(leader);
            }
        }
    }

    @Test
    void aCommandUnderALockEndsLikeWithEtcd() {
        String[] command = {
            "lock", "job", "--", "sh", "-c", "echo $ETCD_LOCK_KEY | sed s,/.*,/ID,; exit 7"
        };

        Command.Result expected = etcd.run(command);
        Command.Result actual = lattice.run(command);

        assertThat(actual.out()).isEqualTo(expected.out()).contains("job/ID");
        assertThat(actual.exit()).isEqualTo(expected.exit()).isEqualTo(7);
        assertThat(keys("job/")).isEmpty();
    }

    @Test
    void anElectionGoesToTheNextCandidateAndItsListenersHearOfIt() {
        try (ServerProcess first = start("p1", "elect", "chair", "p1")) {
            awaitLines(first, 2);
            try (ServerProcess listener = start("listener", "elect", "-l", "chair");
                    ServerProcess second = start("p2", "elect", "chair", "p2")) {
                awaitLines(listener, 2);
                awaitKeys("chair/", 2);
                assertThat(printed(second)).isEmpty();

                assertThat(first.terminate(LIMIT)).isZero();
                awaitLines(second, 2);
                awaitLines(listener, 4);

                assertThat(printed(first).getLast()).isEqualTo("p1");
                assertThat(printed(second).getLast()).isEqualTo("p2");
                assertThat(printed(listener))
                        .containsExactly(
                                printed(first).getFirst(), "p1", printed(second).getFirst(), "p2");
                assertThat(second.terminate(LIMIT)).isZero();
            }
        }
    }

    @Test
    void aWatchARenewalAndAnElectionGoOnWhenTheLeaderIsKilled() {
        String lease = lattice.run("lease", "grant", "10").orThrow().out().split(" ")[1];
        lattice.run("put", "on/leased", "v0", "--lease=" + lease).orThrow();
        try (ServerProcess watch = start("watch-on", "watch", "on/", "--prefix", "--rev=1");
                ServerProcess alive = start("alive-on", "lease", "keep-alive", lease);
                ServerProcess first = start("first-on", "elect", "seat", "p1")) {
            awaitLines(watch, 3);
            awaitLines(alive, 1);
            awaitLines(first, 2);
            try (ServerProcess second = start("second-on", "elect", "seat", "p2")) {
                awaitKeys("seat/", 2);

                int leader = cluster.killLeader();
                Await.until(
                        "a put succeeds",
                        LIMIT,
                        () -> lattice.run("put", "on/after", "v1").exit() == 0);
                int renewals = printed(alive).size();
                // Each renewal is a third of the TTL after the one before: the last of these comes
                // beyond the TTL.
                awaitLines(alive, renewals + 4);
                awaitLines(watch, 6);

                assertThat(printed(alive))
                        .containsOnly("lease %s keepalived with TTL(10)".formatted(lease));
                assertThat(printed(watch).subList(0, 6))
                        .containsExactly("PUT", "on/leased", "v0", "PUT", "on/after", "v1");
                assertThat(keys("on/")).contains("on/leased");
                assertThat(printed(second)).isEmpty();
                assertThat(first.terminate(LIMIT)).isZero();
                awaitLines(second, 2);
                assertThat(printed(second).getLast()).isEqualTo("p2");
                assertThat(second.terminate(LIMIT)).isZero();
                cluster.startNode(leader);
                cluster.awaitReady(leader);
            }
        }
    }

    @Test
    void keepAliveTellsOfEachRenewalAndOfTheEnd() {
        String lease = lattice.run("lease", "grant", "5").orThrow().out().split(" ")[1];
        try (ServerProcess alive = start("alive", "lease", "keep-alive", lease)) {
            awaitLines(alive, 2);
            assertThat(printed(alive).subList(0, 2))
                    .containsOnly("lease %s keepalived with TTL(5)".formatted(lease));

            lattice.run("lease", "revoke", lease).orThrow();
            assertThat(alive.awaitExit(LIMIT)).isZero();

            assertThat(printed(alive).getLast())
                    .isEqualTo("lease %s expired or revoked.".formatted(lease));
        }
    }

    @Test
    void anInteractiveWatchTellsItsProgressLikeWithEtcd() {
        assertThat(watched("lattice", lattice)).isEqualTo(watched("etcd", etcd));
    }

    /// What an interactive watch of two keys printed, with what revisions are beyond the first one's put.
    private static List<String> watched(String name, Etcdctl server) {
        long put = revisionOf(server.run("put", "seen", "v1", "-w", "json").orThrow().out());
        try (ServerProcess watch =
                server.startInteractive(
                        CLUSTERS.directory("output").resolve("watch-" + name + ".log"),
                        "watch",
                        "-i")) {
            watch.type("watch seen --rev=" + put);
            awaitLines(watch, 3);
            watch.type("progress");
            awaitLines(watch, 4);
            watch.type("watch other --rev=" + put);
            long other = revisionOf(server.run("put", "other", "v2", "-w", "json").orThrow().out());
            awaitLines(watch, 7);
            watch.type("progress");
            awaitLines(watch, 8);
            assertThat(other).isEqualTo(put + 1);
            return printed(watch).stream()
                    .map(line ->
                            line.startsWith("progress notify: ")
                                    ? "progress notify: put + "
                                            + (Long.parseLong(line.substring(17)) - put)
                                    : line)
                    .toList();
        }
    }

    private static long revisionOf(String json) {
        Matcher revision = REVISION.matcher(json);
        assertThat(revision.find()).as(json).isTrue();
        return Long.parseLong(revision.group(1));
    }
}
