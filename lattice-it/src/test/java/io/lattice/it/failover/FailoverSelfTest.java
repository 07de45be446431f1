package io.lattice.it.failover;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.Clusters;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.failover.LyingProxy.Lie;
import io.lattice.it.failover.Violation.Kind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// The driver, judged with a real etcd cluster behind proxies that lie: what they do is found, and the
/// truth passes.
class FailoverSelfTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static FailoverRun.Result runBehind(Lie lie) throws IOException {
        TestCluster cluster = CLUSTERS.plain(lie.name(), new EtcdKind(false), 3);
        List<LyingProxy> proxies = new ArrayList<>();
        try {
            List<Target> targets = new ArrayList<>();
            for (int i = 0; i < cluster.size(); i++) {
                LyingProxy proxy = LyingProxy.start(cluster.client(i), lie);
                proxies.add(proxy);
                targets.add(proxy.target(cluster.node(i).name()));
            }
            return new FailoverRun(cluster, targets, Fault.KILL_FOLLOWER, 1, System.out::println)
                    .run(1);
        } finally {
            proxies.forEach(LyingProxy::close);
        }
    }

    @Test
    void aTrueProxyPasses() throws IOException {
        FailoverRun.Result result = runBehind(Lie.NONE);

        assertThat(result.violations()).isEmpty();
        assertThat(result.acknowledged()).isPositive();
        assertThat(result.summary())
                .matches("rounds 1 acknowledged \\d+ lost 0 doubled 0 longest-gap-ms \\d+");
    }

    @Test
    void anAcknowledgedWriteThatWasNeverMadeIsFound() throws IOException {
        assertThat(runBehind(Lie.ACKNOWLEDGES_WITHOUT_WRITING).lost()).isPositive();
    }

    @Test
    void aWriteMadeTwiceIsFound() throws IOException {
        assertThat(runBehind(Lie.WRITES_TWICE).doubled()).isPositive();
    }

    @Test
    void aReadFromACacheIsFound() throws IOException {
        assertThat(runBehind(Lie.READS_FROM_A_CACHE).violations())
                .extracting(Violation::kind)
                .contains(Kind.STALE);
    }
}
