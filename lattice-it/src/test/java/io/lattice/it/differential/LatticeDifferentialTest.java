package io.lattice.it.differential;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.Clusters;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.LatticeKind;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// Lattice against the real etcd. `-Dlattice.seed=N` replays, `-Dlattice.sequences=N` sets how much.
class LatticeDifferentialTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final int SEQUENCES = Integer.getInteger("lattice.sequences", 1_500);
    private static final int MIN_SEQUENCES = 25;

    private static int started;

    private static DifferentialRun.Pair pair(int nodes) {
        started++;
        String suffix = nodes + "-" + started;
        return new DifferentialRun.Pair(
                new ClusterStore("etcd", CLUSTERS.plain("etcd-" + suffix, new EtcdKind(false), 1)),
                new ClusterStore(
                        "Lattice", CLUSTERS.plain("lattice-" + suffix, new LatticeKind(), nodes)));
    }

    private static Coverage run(String name, int nodes, int sequences, SequenceSource source) {
        Long given = Long.getLong("lattice.seed");
        long seed = given != null ? given : ThreadLocalRandom.current().nextLong(1L << 32);
        System.out.printf("%s: -Dlattice.seed=%d -Dlattice.sequences=%d%n", name, seed, sequences);
        Coverage coverage =
                new DifferentialRun(() -> pair(nodes))
                        .run(new DifferentialRun.Plan(name, seed, sequences, source));
        System.out.printf("%s: %d requests alike%n%s%n", name, coverage.requests(), coverage);
        return coverage;
    }

    private static int share(int part) {
        return Math.max(MIN_SEQUENCES, SEQUENCES / part);
    }

    @Test
    void oneNodeAnswersRandomRequestsLikeEtcd() {
        Coverage coverage = run("random requests, one node", 1, SEQUENCES, new RandomRequests());

        assertThat(coverage.requests()).isGreaterThan(SEQUENCES * 5L);
    }

    @Test
    void anyOfThreeNodesAnswersRandomRequestsLikeEtcd() {
        Coverage coverage = run("random requests, three nodes", 3, share(10), new RandomRequests());

        assertThat(coverage.requests()).isGreaterThan(share(10) * 5L);
    }

    @Test
    void oneNodeAnswersLeaseRequestsLikeEtcd() {
        Coverage coverage = run("leases, one node", 1, share(3), new LeaseRequests());

        assertLeasesCovered(coverage, share(3));
    }

    @Test
    void anyOfThreeNodesAnswersLeaseRequestsLikeEtcd() {
        Coverage coverage = run("leases, three nodes", 3, share(10), new LeaseRequests());

        assertLeasesCovered(coverage, share(10));
    }

    private static void assertLeasesCovered(Coverage coverage, int sequences) {
        for (String title :
                new String[] {"LeaseGrant", "LeaseRevoke", "LeaseKeepAlive", "LeaseTimeToLive"}) {
            assertThat(coverage.of(title, "OK")).as(title).isGreaterThan(sequences / 2);
        }
        assertThat(coverage.of("Put", "etcdserver: requested lease not found")).isPositive();
        assertThat(coverage.of("LeaseGrant", "etcdserver: lease already exists")).isPositive();
        assertThat(coverage.of("LeaseGrant", "etcdserver: too large lease TTL")).isPositive();
    }

    @Test
    void anyOfThreeNodesAnswersKubernetesRequestsLikeEtcd() {
        Coverage coverage =
                run("Kubernetes' requests, three nodes", 3, share(10), new KubernetesRequests());

        assertThat(coverage.of("Txn", "OK")).isGreaterThan(share(10) * 5L);
    }
}
