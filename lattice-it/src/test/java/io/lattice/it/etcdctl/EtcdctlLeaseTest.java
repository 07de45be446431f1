package io.lattice.it.etcdctl;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.Clusters;
import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.Etcdctl;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// `etcdctl lease` against each member of a three-node Lattice and against a real etcd: the same output but for ids, which
/// the servers choose, up to a few seconds of the remaining time, and the order of a lease's keys, which etcd leaves to chance.
class EtcdctlLeaseTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Pattern GRANTED = Pattern.compile("lease ([0-9a-f]+) granted");
    private static final Pattern KEYS = Pattern.compile("(?<=keys\\()\\[([^]]*)]");
    private static final Pattern REMAINING = Pattern.compile("remaining\\((5[5-9]|60)s\\)");

    private static TestCluster lattice;
    private static Etcdctl etcd;

    @BeforeAll
    static void startServers() {
        lattice = CLUSTERS.secure("lattice", new LatticeKind(), 3);
        etcd = Etcdctl.of(CLUSTERS.secure("etcd", new EtcdKind(false), 1), 0);
    }

    /// One server and the lease that it granted last.
    private static final class Session {
        private final Etcdctl etcdctl;
        private String lease = "none";

        Session(Etcdctl etcdctl) {
            this.etcdctl = etcdctl;
        }

        String run(String line) {
            Command.Result result =
                    etcdctl.runWith(null, List.of(line.replace("ID", lease).split(" ")));
            Matcher granted = GRANTED.matcher(result.out());
            if (granted.find()) {
                lease = granted.group(1);
            }
            String errors =
                    result.err()
                            .lines()
                            .filter(log -> !log.startsWith("{"))
                            .reduce("", (before, log) -> before + log + "\n");
            String text = result.exit() + "\n" + result.out() + errors;
            String alike =
                    REMAINING
                            .matcher(text.replace(lease, "ID"))
                            .replaceAll("remaining(nearly 60s)");
            return KEYS.matcher(alike)
                    .replaceAll(found ->
                            Stream.of(found.group(1).split(" ")).sorted().toList().toString());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void leaseCommandsAnswerLikeEtcd(int member) {
        Session expected = new Session(etcd);
        Session actual = new Session(Etcdctl.of(lattice, member));

        for (String line :
                List.of(
                        "lease grant 60",
                        "put lease/b v --lease=ID",
                        "put lease/a v --lease=ID",
                        "lease timetolive ID",
                        "lease timetolive ID --keys",
                        "lease keep-alive --once ID",
                        "lease list",
                        "put lease/a w --ignore-lease",
                        "put lease/b w",
                        "lease timetolive ID --keys",
                        "lease revoke ID",
                        "get lease/ --prefix",
                        "lease revoke ID",
                        "lease timetolive ID",
                        "lease keep-alive --once ID",
                        "put lease/a v --lease=ID",
                        "lease list",
                        "lease grant 1",
                        "lease revoke ID",
                        "lease grant 9000000001",
                        "lease grant x",
                        "lease revoke zz")) {
            assertThat(actual.run(line)).as(line).isEqualTo(expected.run(line));
        }
    }
}
