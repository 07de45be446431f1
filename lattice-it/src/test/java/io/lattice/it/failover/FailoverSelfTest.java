package io.lattice.it.failover;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.Clusters;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.failover.LyingProxy.Lie;
import io.lattice.it.failover.Violation.Kind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// The driver, judged with a real etcd cluster behind proxies that lie: what they do is found, and the
/// truth passes. What is done to one tenant alone needs a Lattice.
class FailoverSelfTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final String OTHER = "t2";

    private final List<LyingProxy> proxies = new ArrayList<>();

    @AfterEach
    void closeProxies() {
        proxies.forEach(LyingProxy::close);
    }

    private FailoverRun.Result runBehind(Lie lie) throws IOException {
        TestCluster cluster = CLUSTERS.plain(lie.name(), new EtcdKind(false), 3);
        return run(cluster, List.of(behind(lie, cluster, null)));
    }

    /// The tenant with clients that go to proxies.
    private Tenant behind(Lie lie, TestCluster cluster, @Nullable String name) throws IOException {
        Tenant tenant = Tenant.of(cluster, name);
        List<Target> targets = new ArrayList<>();
        for (int i = 0; i < cluster.size(); i++) {
            LyingProxy proxy = LyingProxy.start(tenant.client(cluster, i), lie);
            proxies.add(proxy);
            targets.add(proxy.target(cluster.node(i).name()));
        }
        return new Tenant(name, targets);
    }

    private static FailoverRun.Result run(TestCluster cluster, List<Tenant> tenants) {
        return new FailoverRun(cluster, tenants, Fault.KILL_FOLLOWER, 1, System.out::println)
                .run(1);
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

    @Test
    void aLieToOneTenantOfSeveralIsFoundThere() throws IOException {
        TestCluster cluster =
                CLUSTERS.plain(
                        "tenants", new LatticeKind("[tenants.tenant.%s]\n".formatted(OTHER)), 3);

        FailoverRun.Result result =
                run(
                        cluster,
                        List.of(
                                Tenant.of(cluster, null),
                                behind(Lie.WRITES_TWICE, cluster, OTHER)));

        assertThat(result.doubled()).isPositive();
        assertThat(result.violations())
                .allSatisfy(
                        violation -> assertThat(violation.what()).startsWith("tenant " + OTHER));
    }
}
