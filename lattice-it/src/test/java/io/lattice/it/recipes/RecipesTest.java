package io.lattice.it.recipes;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.StatusRuntimeException;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.ServerProcess;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.cluster.Tools;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.mvccpb.KeyValue;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// The recipes of etcd's Go client, several processes of each (`scripts/tools/recipes`, which checks on the way what it can
/// see), while the servers' leader is killed. What the processes have done is checked when they have ended.
class RecipesTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration LIMIT = Duration.ofSeconds(90);
    private static final int WORKERS = 3;
    private static final int STEPS = 40;
    private static final int REIGNS = 10;
    private static final int MOVES = 60;
    private static final int OBSERVED = 10;

    private static ServerProcess start(TestCluster cluster, String worker, String... recipe) {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Tools.pinned("recipes").toString(),
                                "--endpoints",
                                cluster.endpoints(),
                                "--name",
                                worker));
        command.addAll(List.of(recipe));
        String name = recipe[0] + "-" + worker;
        return ServerProcess.start(
                name, command, Map.of(), CLUSTERS.directory("recipes").resolve(name + ".log"));
    }

    /// The records below a prefix, by a linearizable read of any node that answers.
    private static List<KeyValue> below(TestCluster cluster, String prefix) {
        ByteString key = ByteString.copyFromUtf8(prefix);
        RangeRequest request =
                RangeRequest.newBuilder()
                        .setKey(key)
                        .setRangeEnd(ByteString.copyFromUtf8(prefix + "\uffff"))
                        .build();
        List<List<KeyValue>> found = new ArrayList<>();
        Await.until(
                "a node answers a read",
                LIMIT,
                () -> {
                    for (int i = 0; i < cluster.size() && found.isEmpty(); i++) {
                        try {
                            cluster.client(i).channel().resetConnectBackoff();
                            found.add(cluster.client(i).kv(2).range(request).getKvsList());
                        } catch (StatusRuntimeException e) {
                            // That one is down, or has no leader yet.
                        }
                    }
                    return !found.isEmpty();
                });
        return found.getFirst();
    }

    private static int number(KeyValue record) {
        return Integer.parseInt(record.getValue().toStringUtf8());
    }

    private static int sum(TestCluster cluster, String prefix) {
        return below(cluster, prefix).stream().mapToInt(RecipesTest::number).sum();
    }

    private static void awaitHalf(TestCluster cluster, String what, String prefix, int whole) {
        Await.until(
                "half of the " + what + " are done",
                LIMIT,
                () -> sum(cluster, prefix) >= whole / 2);
    }

    @Test
    void countersElectionsAndTransactionsStayRightWhenTheLeaderIsKilled() {
        TestCluster cluster = CLUSTERS.plain("lattice", new LatticeKind(), 3);
        List<ServerProcess> running = new ArrayList<>();
        for (int i = 1; i <= WORKERS; i++) {
            running.add(start(cluster, "w" + i, "counter", "--rounds", "" + STEPS));
            running.add(start(cluster, "w" + i, "election", "--rounds", "" + REIGNS));
            running.add(start(cluster, "w" + i, "stm", "--rounds", "" + MOVES));
        }
        ServerProcess observed = start(cluster, "w1", "observe", "--rounds", "" + OBSERVED);
        awaitHalf(cluster, "steps", "recipes/counter/value", WORKERS * STEPS);
        awaitHalf(cluster, "reigns", "recipes/election/reigns/", WORKERS * REIGNS);
        awaitHalf(cluster, "observed reigns", "recipes/observe/reigns", OBSERVED);
        boolean inTheMiddle = running.stream().anyMatch(ServerProcess::isAlive);

        cluster.kill(cluster.awaitLeader());
        running.add(observed);
        for (ServerProcess process : running) {
            assertThat(process.awaitExit(LIMIT)).as(process.logTail(20)).isZero();
        }

        assertThat(inTheMiddle).as("the leader was killed while recipes ran").isTrue();
        assertThat(below(cluster, "recipes/counter/own/"))
                .hasSize(WORKERS)
                .allMatch(own -> number(own) == STEPS);
        assertThat(sum(cluster, "recipes/counter/value")).isEqualTo(WORKERS * STEPS);
        assertThat(below(cluster, "recipes/election/reigns/"))
                .hasSize(WORKERS)
                .allMatch(reigns -> number(reigns) == REIGNS);
        assertThat(below(cluster, "recipes/stm/moves/"))
                .hasSize(WORKERS)
                .allMatch(moves -> number(moves) >= MOVES);
        assertThat(sum(cluster, "recipes/stm/account/")).isZero();
        assertThat(sum(cluster, "recipes/observe/reigns"))
                .as("reigns that all observers saw, before and after")
                .isGreaterThanOrEqualTo(OBSERVED / 2 + OBSERVED);
        assertThat(below(cluster, "recipes/counter/mutex")).as("locks left").isEmpty();
        assertThat(below(cluster, "recipes/election/candidates")).as("candidates left").isEmpty();
    }

    @Test
    void queuesBarriersAndLocksOfTheRecipesPackageWorkAsWithEtcd() {
        TestCluster lattice = CLUSTERS.plain("quiet", new LatticeKind(), 3);
        TestCluster etcd = CLUSTERS.plain("etcd", new EtcdKind(false), 1);

        ServerProcess withEtcd = start(etcd, "etcd", "queues");
        ServerProcess withLattice = start(lattice, "lattice", "queues");

        assertThat(withEtcd.awaitExit(LIMIT)).as(withEtcd.logTail(20)).isZero();
        assertThat(withLattice.awaitExit(LIMIT)).as(withLattice.logTail(20)).isZero();
    }
}
