package io.lattice.it.differential;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.TestCluster;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The harness, judged with two real etcds: it is silent when both are right and finds every fault that
/// is put into one.
class DifferentialSelfTest {
    private static final long SEED = Long.getLong("lattice.seed", 20_260_801L);
    private static final Pattern SHRUNK =
            Pattern.compile("Shrunk by \\d+ trials to (\\d+) requests");

    @TempDir static Path directory;

    private static TestCluster left;
    private static TestCluster right;

    @BeforeAll
    static void startEtcds() {
        left = start("left");
        right = start("right");
    }

    private static TestCluster start(String name) {
        return TestCluster.start(
                TestCluster.Plan.plain(new EtcdKind(false), 1, directory.resolve(name)));
    }

    @AfterAll
    static void stopEtcds() {
        left.close();
        right.close();
    }

    private static DifferentialRun.Pair pair(Store subject) {
        return new DifferentialRun.Pair(new ClusterStore("etcd", left), subject);
    }

    @Test
    void twoEtcdsAgreeAndEveryKindOfAnswerIsMet() {
        DifferentialRun run =
                new DifferentialRun(() -> pair(new ClusterStore("other etcd", right)));

        Coverage coverage =
                run.run(new DifferentialRun.Plan("etcd and etcd", SEED, 400, new RandomRequests()));
        run.run(
                new DifferentialRun.Plan(
                        "etcd and etcd, Kubernetes", SEED, 50, new KubernetesRequests()));

        System.out.println(coverage);
        assertThat(coverage.of("Range", "OK")).isGreaterThan(500);
        assertThat(coverage.of("RangeStream", "OK")).isGreaterThan(50);
        assertThat(coverage.of("Put", "OK")).isGreaterThan(500);
        assertThat(coverage.of("DeleteRange", "OK")).isGreaterThan(100);
        assertThat(coverage.of("Txn", "OK")).isGreaterThan(200);
        assertThat(coverage.of("Compact", "OK")).isGreaterThan(20);
        assertThat(coverage.of("HashKV", "OK")).isGreaterThan(100);
        assertThat(coverage.toString())
                .contains("etcdserver: key is not provided")
                .contains("etcdserver: key not found")
                .contains("etcdserver: value is provided")
                .contains("etcdserver: lease is provided")
                .contains("etcdserver: too many operations in txn request")
                .contains("etcdserver: duplicate key given in txn request")
                .contains("etcdserver: invalid sort option")
                .contains("etcdserver: requested lease not found")
                .contains("etcdserver: mvcc: required revision has been compacted")
                .contains("etcdserver: mvcc: required revision is a future revision");
    }

    @ParameterizedTest
    @EnumSource
    void aFaultIsFoundAndShrunkToAFewRequests(BrokenStore.Fault fault) {
        DifferentialRun run =
                new DifferentialRun(
                        () -> pair(new BrokenStore(new ClusterStore("etcd", right), fault)));

        Throwable found =
                catchThrowable(() ->
                        run.run(
                                new DifferentialRun.Plan(
                                        fault.name(), SEED, 400, new RandomRequests())));

        assertThat(found).isInstanceOf(AssertionError.class);
        Matcher shrunk = SHRUNK.matcher(String.valueOf(found.getMessage()));
        assertThat(shrunk.find()).as(found.getMessage()).isTrue();
        assertThat(Integer.parseInt(shrunk.group(1))).as(found.getMessage()).isLessThanOrEqualTo(5);
        System.out.println(found.getMessage());
    }
}
