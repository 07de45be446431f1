package io.lattice.it.failover;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.Clusters;
import io.lattice.it.cluster.ControlPlane;
import io.lattice.it.cluster.DiskFaults;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.LoopbackNetwork;
import io.lattice.it.cluster.NamespaceNetwork;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.cluster.TestNetwork;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A round of each fault on a three-node Lattice with mutual TLS; `-Dlattice.rounds=N` sets how many.
class FailoverTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final int ROUNDS = Integer.getInteger("lattice.rounds", 1);
    private static final int NAMESPACES = 78;
    private static final int GROUPS_NAMESPACES = 79;
    private static final int GROUPS = 3;

    @ParameterizedTest
    @EnumSource
    void nothingIsLostDoubledOrStale(Fault fault) {
        TestNetwork network =
                fault == Fault.PARTITION_LEADER
                        ? NamespaceNetwork.create(NAMESPACES, 3)
                        : new LoopbackNetwork();
        DiskFaults diskFaults =
                fault.isOfDisks() ? DiskFaults.create(CLUSTERS.directory("disk-faults")) : null;
        TestCluster cluster =
                CLUSTERS.prepare(
                        new TestCluster.Plan(
                                new LatticeKind("", diskFaults),
                                3,
                                CLUSTERS.directory(fault.title()),
                                true,
                                0,
                                network));
        cluster.startAll();
        run(cluster, List.of(Tenant.of(cluster, null)), fault);
    }

    /// With several groups the node that is cut off leads one and follows in others.
    @Test
    void neitherIsAnythingInSeveralGroups() {
        TestNetwork network = NamespaceNetwork.create(GROUPS_NAMESPACES, 3);
        ControlPlane manifest =
                new ControlPlane(
                        CLUSTERS.start(
                                new TestCluster.Plan(
                                        new EtcdKind(false),
                                        1,
                                        CLUSTERS.directory("cp"),
                                        false,
                                        0,
                                        network.outside())));
        TestCluster cluster =
                CLUSTERS.prepare(
                        new TestCluster.Plan(
                                LatticeKind.placed(manifest.section()),
                                3,
                                CLUSTERS.directory("groups"),
                                true,
                                0,
                                network));
        List<Tenant> tenants = Groups.put(manifest, cluster, GROUPS);
        cluster.startAll();
        run(cluster, tenants, Fault.PARTITION_LEADER);
    }

    private static void run(TestCluster cluster, List<Tenant> tenants, Fault fault) {
        long seed = ThreadLocalRandom.current().nextLong(1L << 32);
        System.out.printf("%s: seed %d%n", fault.title(), seed);

        FailoverRun.Result result =
                new FailoverRun(cluster, tenants, fault, seed, System.out::println).run(ROUNDS);

        System.out.println(result.summary());
        assertThat(result.violations()).isEmpty();
        assertThat(result.rounds()).isEqualTo(ROUNDS);
    }
}
