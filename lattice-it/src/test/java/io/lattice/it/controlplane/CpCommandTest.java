package io.lattice.it.controlplane;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.Clusters;
import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.Etcdctl;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.cluster.TlsMaterial;
import io.lattice.it.cluster.Tools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/// `lattice cp` as an operator runs it, against a real etcd with mutual TLS.
class CpCommandTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final String MANIFEST =
            """
            {"groups": {"g1": {"replicas": [{"nodeId": "n1", "raftAddress": "h1:2380"}]}},
             "tenants": {"acme": {"routingEpoch": 1, "group": "g1",
                                  "quotas": {"requestsPerSecond": 500}}}}
            """;

    @TempDir private Path directory;

    @Test
    void anOperatorPutsAndChangesAManifest() throws Exception {
        TestCluster cp = CLUSTERS.secure("cp", new EtcdKind(false), 1);
        Etcdctl etcdctl = Etcdctl.of(cp, 0);
        Path file = file("manifest.json", MANIFEST);

        Command.Result shown = apply(cp, null, "--dry-run", file.toString());
        assertThat(shown.exit()).isZero();
        assertThat(shown.out()).contains("+ /clustor/v1/groups/g1", "would make manifest sha256:");
        assertThat(etcdctl.run("get", "", "--prefix", "--keys-only").orThrow().out()).isBlank();

        Command.Result declined = apply(cp, "n\n", file.toString());
        assertThat(declined.exit()).isEqualTo(1);
        assertThat(declined.err()).contains("nothing was changed");

        Command.Result applied = apply(cp, "y\n", file.toString());
        assertThat(applied.out()).contains("Apply? [y/N] ", "applied at revision 2: manifest");
        assertThat(applied.exit()).isZero();
        assertThat(
                        etcdctl.run("get", "/clustor/v1/tenants/acme", "--print-value-only")
                                .orThrow()
                                .out())
                .isEqualToIgnoringNewLines(
                        "{\"routingEpoch\":1,\"group\":\"g1\",\"quotas\":{\"requestsPerSecond\":500}}");

        Command.Result current = lattice(null, connected(cp, "show"));
        assertThat(current.exit()).isZero();
        Path edited = file("edited.json", current.out().replace("500", "2000"));
        Command.Result changed = apply(cp, null, "--yes", edited.toString());
        assertThat(changed.out())
                .contains(
                        "~ /clustor/v1/tenants/acme",
                        "    quotas.requestsPerSecond: 500 -> 2000",
                        "applied at revision 3");

        Path back =
                file(
                        "back.json",
                        "{\"tenants\": {\"acme\": {\"routingEpoch\": 0, \"group\": \"g2\"}}}");
        Command.Result refused = apply(cp, null, "--yes", back.toString());
        assertThat(refused.exit()).isEqualTo(2);
        assertThat(refused.err())
                .contains("routingEpoch: found 0; allowed 1 or more", "group: found \"g2\"");

        etcdctl.run("put", "/clustor/v1/tenants/acme", "{oops").orThrow();
        Command.Result broken = lattice(null, connected(cp, "show"));
        assertThat(broken.exit()).isEqualTo(1);
        assertThat(broken.out()).contains("/clustor/v1/tenants/acme\n{oops");
        assertThat(broken.err()).contains("/clustor/v1/tenants/acme: found");
        Command.Result mended = apply(cp, null, "--yes", "--prune", edited.toString());
        assertThat(mended.out()).contains("(what is there can't be read)", "applied at revision 5");
    }

    /// More than a transaction of etcd may compare.
    @Test
    void aManifestOfManyGroupsIsChangedInParts() throws Exception {
        TestCluster cp = CLUSTERS.secure("many", new EtcdKind(false), 1);
        for (int part = 0; part < 2; part++) {
            Path file = file("part" + part + ".json", groups(part * 100, 100, 1));
            Command.Result applied = apply(cp, null, "--yes", file.toString());
            assertThat(applied.out()).contains("applied at revision " + (part + 2));
        }
        Path all = file("all.json", groups(0, 200, 2));

        Command.Result changed = apply(cp, null, "--yes", "--prune", all.toString());

        assertThat(changed.out()).contains("    routingEpoch: 1 -> 2", "applied at revision 4");
        Path more = file("more.json", groups(200, 128, 2));
        Command.Result refused = apply(cp, null, "--yes", more.toString());
        assertThat(refused.exit()).isEqualTo(1);
        assertThat(refused.err())
                .contains("found 128 changes that rest on 129 documents; allowed at most 127");
    }

    private static String groups(int first, int count, int epoch) {
        String groups =
                IntStream.range(first, first + count)
                        .mapToObj(g ->
                                "\"g%d\": {\"replicas\": [{\"nodeId\": \"n1\", \"raftAddress\": \"h1:2380\"}]}"
                                        .formatted(g))
                        .collect(Collectors.joining(","));
        return "{\"groups\": {%s}, \"tenants\": {\"acme\": {\"routingEpoch\": %d, \"group\": \"g0\"}}}"
                .formatted(groups, epoch);
    }

    @Test
    void validateNamesEveryProblemWithoutAControlPlane() throws Exception {
        Path good = file("good.json", MANIFEST);
        Path bad =
                file("bad.json", "{\"tenants\": {\"b\": {\"routingEpoch\": -1, \"grp\": \"g1\"}}}");

        Command.Result valid = lattice(null, List.of("validate", good.toString()));
        Command.Result invalid =
                lattice(null, List.of("validate", good.toString(), bad.toString()));
        Command.Result absent = lattice(null, List.of("validate", "nowhere.json"));

        assertThat(valid.out()).contains("valid: 1 group(s), 1 tenant(s), manifest sha256:");
        assertThat(valid.exit()).isZero();
        assertThat(invalid.err())
                .contains(
                        bad + ": tenants.b.grp: found a field that does not exist",
                        "/clustor/v1/tenants/b: routingEpoch: found -1; allowed 1 or more",
                        "/clustor/v1/tenants/b: group: found nothing; allowed one of g1",
                        "lattice: 3 problem(s)");
        assertThat(invalid.exit()).isEqualTo(2);
        assertThat(absent.err()).contains("nowhere.json: no such file");
        assertThat(absent.exit()).isEqualTo(1);
    }

    private Path file(String name, String text) throws IOException {
        return Files.writeString(directory.resolve(name), text);
    }

    private static Command.Result apply(
            TestCluster cp, @Nullable String input, String... arguments) {
        List<String> command = new ArrayList<>(connected(cp, "apply"));
        command.addAll(List.of(arguments));
        return lattice(input, command);
    }

    private static List<String> connected(TestCluster cp, String command) {
        TlsMaterial tls = Objects.requireNonNull(cp.tls());
        return List.of(
                command,
                "--endpoints=" + cp.clientUrl(0),
                "--cacert=" + tls.ca(),
                "--cert=" + tls.clientCertificate(),
                "--key=" + tls.clientKey());
    }

    private static Command.Result lattice(@Nullable String input, List<String> arguments) {
        List<String> command = new ArrayList<>(Tools.lattice());
        command.add("cp");
        command.addAll(arguments);
        return Command.run(Duration.ofSeconds(60), command, input);
    }
}
