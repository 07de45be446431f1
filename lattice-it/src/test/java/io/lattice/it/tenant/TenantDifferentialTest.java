package io.lattice.it.tenant;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Message;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TenantChannels;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.differential.Call;
import io.lattice.it.differential.ClusterStore;
import io.lattice.it.differential.Coverage;
import io.lattice.it.differential.DifferentialRun;
import io.lattice.it.differential.LeaseRequests;
import io.lattice.it.differential.RandomRequests;
import io.lattice.it.differential.Reply;
import io.lattice.it.differential.SequenceSource;
import io.lattice.it.differential.Store;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// Two tenants of one cluster, used at the same time with the same keys and lease ids, each answer like an etcd of their own:
/// revisions, history, compaction, leases and content hashes.
class TenantDifferentialTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final int SEQUENCES = Integer.getInteger("lattice.sequences", 150);

    private record TenantStore(String name, TestCluster cluster, String tenant) implements Store {
        @Override
        public int members() {
            return cluster.size();
        }

        @Override
        public CompletableFuture<Reply> send(int member, Call call, Message request) {
            return call.send(TenantChannels.of(cluster, member, tenant), request);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    @Test
    void eachTenantIsAnEtcdOfItsOwn() {
        TestCluster lattice =
                CLUSTERS.plain("lattice", new LatticeKind("[tenants.tenant.acme]\n"), 3);

        CompletableFuture<Coverage> acme =
                CompletableFuture.supplyAsync(
                        () -> run(lattice, "acme", new RandomRequests(), SEQUENCES));
        CompletableFuture<Coverage> standard =
                CompletableFuture.supplyAsync(
                        () -> run(lattice, "default", new LeaseRequests(), SEQUENCES));

        assertThat(acme.join().requests()).isGreaterThan(SEQUENCES * 5L);
        assertThat(standard.join().requests()).isGreaterThan(SEQUENCES * 5L);
    }

    private static Coverage run(
            TestCluster lattice, String tenant, SequenceSource source, int sequences) {
        Long given = Long.getLong("lattice.seed");
        long seed = given != null ? given : ThreadLocalRandom.current().nextLong(1L << 32);
        System.out.printf("tenant %s: -Dlattice.seed=%d%n", tenant, seed);
        TestCluster etcd;
        synchronized (CLUSTERS) {
            etcd = CLUSTERS.plain("etcd-" + tenant, new EtcdKind(false), 1);
        }
        return new DifferentialRun(() ->
                new DifferentialRun.Pair(
                        new ClusterStore("etcd", etcd),
                        new TenantStore("Lattice " + tenant, lattice, tenant)))
                .run(new DifferentialRun.Plan("tenant " + tenant, seed, sequences, source));
    }
}
