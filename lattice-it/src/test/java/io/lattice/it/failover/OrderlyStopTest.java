package io.lattice.it.failover;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.PutRequest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// A leader that is stopped in order. Elections wait for so long here that none by a timeout is over when the leader has stopped.
class OrderlyStopTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final String SLOW_ELECTIONS =
            """
            [raft]
            election_timeout_min_ms = 3000
            election_timeout_max_ms = 4000

            [limits]
            request_timeout_ms = 8000
            """;

    private final TestCluster cluster =
            CLUSTERS.plain("lattice", new LatticeKind(SLOW_ELECTIONS), 3);

    @Test
    void itsSuccessorLeadsWhenItIsGone() {
        int leader = cluster.awaitLeader();

        cluster.terminate(leader);

        int successor = cluster.leaderOrMinus1();
        assertThat(successor).isNotIn(-1, leader);
        int other = 3 - leader - successor;
        assertThat(
                        cluster.client(other)
                                .kv(5)
                                .put(
                                        PutRequest.newBuilder()
                                                .setKey(ByteString.copyFromUtf8("k"))
                                                .build())
                                .getHeader()
                                .getRevision())
                .isEqualTo(2);

        // With nobody to hand over to in time, the last ones stop all the same.
        cluster.terminate(other);
        cluster.terminate(successor);
        assertThat(cluster.process(successor).logText())
                .contains("stopped")
                .doesNotContain("ending the process");
    }
}
