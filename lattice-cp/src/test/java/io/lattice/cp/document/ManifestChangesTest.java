package io.lattice.cp.document;

import static io.lattice.cp.document.Documents.ACME;
import static io.lattice.cp.document.Documents.G1;
import static io.lattice.cp.document.Documents.good;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ManifestChangesTest {
    private static final String G2 =
            "{\"replicas\": [{\"nodeId\": \"n4\", \"raftAddress\": \"h4:2380\"}]}";

    @Test
    void anEpochNeverGoesBackAndATenantIsNotMoved() {
        ManifestDocuments before = good("groups/g1", G1, "groups/g2", G2, "tenants/acme", ACME);
        ManifestDocuments after =
                good(
                        "groups/g1",
                        G1,
                        "groups/g2",
                        G2,
                        "tenants/acme",
                        "{\"routingEpoch\": 2, \"group\": \"g2\"}");

        assertThat(ManifestSteps.problems(before, after))
                .extracting(Problem::toString)
                .containsExactly(
                        "/clustor/v1/tenants/acme: routingEpoch: found 2; allowed 3 or more: that"
                                + " is in force, and an epoch never goes back",
                        "/clustor/v1/tenants/acme: group: found \"g2\"; allowed \"g1\": that is in"
                                + " force, and this version doesn't move a tenant's data");
        assertThat(ManifestSteps.problems(before, before)).isEmpty();
    }

    @Test
    void tenantsMayComeAndGoAndEpochsMayGrow() {
        ManifestDocuments before = good("groups/g1", G1, "tenants/a", tenant(1));
        ManifestDocuments after =
                good("groups/g1", G1, "tenants/a", tenant(2), "tenants/b", tenant(1));

        assertThat(ManifestSteps.problems(before, after)).isEmpty();
        assertThat(ManifestSteps.problems(after, good("groups/g1", G1))).isEmpty();
    }

    /// Nodes that don't know the group would found it a second time.
    @Test
    void aGroupKeepsOneOfItsVoters() {
        ManifestDocuments before = good("groups/g1", G1);
        ManifestDocuments others = good("groups/g1", G2);
        String oneMore =
                G1.substring(0, G1.lastIndexOf(']')) + ", " + G2.substring(G2.indexOf('[') + 1);

        assertThat(ManifestSteps.problems(before, others))
                .extracting(Problem::toString)
                .containsExactly(
                        "/clustor/v1/groups/g1: replicas: found the voters [n4]; allowed at least one"
                                + " of the voters that are in force: [n1, n2]");
        assertThat(ManifestSteps.problems(before, good("groups/g1", oneMore))).isEmpty();
        assertThat(ManifestSteps.problems(good("groups/g1", oneMore), others)).isEmpty();
    }

    @Test
    void rolesMayChangeAsLongAsAVoterStaysOne() {
        ManifestDocuments before = good("groups/g1", G1);
        String voter = "{\"nodeId\": \"n3\", \"raftAddress\": \"h3:2380\"}";
        String listener =
                "{\"nodeId\": \"n2\", \"raftAddress\": \"h2:2380\", \"role\": \"LISTENER\"}";
        String kept = "{\"nodeId\": \"n1\", \"raftAddress\": \"h1:2380\"}";

        assertThat(
                        ManifestSteps.problems(
                                before,
                                good(
                                        "groups/g1",
                                        "{\"replicas\": [%s, %s, %s]}"
                                                .formatted(voter, listener, kept))))
                .isEmpty();
        assertThat(
                        ManifestSteps.problems(
                                before,
                                good(
                                        "groups/g1",
                                        "{\"replicas\": [%s, %s]}".formatted(voter, listener))))
                .extracting(Problem::toString)
                .containsExactly(
                        "/clustor/v1/groups/g1: replicas: found the voters [n3]; allowed at least one"
                                + " of the voters that are in force: [n1, n2]");
    }

    @Test
    void filesAreReadAsOne() {
        ManifestFiles files = new ManifestFiles();
        files.add("groups.json", "{\"groups\": {\"g1\": " + G1 + "}}");
        files.add("tenants.json", "{\"tenants\": {\"acme\": " + ACME + "}}");

        assertThat(good(files.alone())).isEqualTo(good("groups/g1", G1, "tenants/acme", ACME));
    }

    @Test
    void whatIsShownCanBeReadAsAFile() {
        ManifestDocuments documents = good("groups/g1", G1, "tenants/acme", ACME);
        ManifestFiles files = new ManifestFiles();

        files.add("shown", documents.file());

        assertThat(good(files.alone())).isEqualTo(documents);
    }

    @Test
    void problemsOfFilesNameTheFile() {
        ManifestFiles files = new ManifestFiles();
        files.add(
                "a.json",
                "{\"groups\": {\"g1\": {\"replica\": []}}, \"tenant\": {}, \"tenants\": 1}");
        files.add("b.json", "{\"groups\": {\"g1\": {}, \"g1\": {}}}");
        files.add("c.json", "{\"groups\": {\"g1\": ");

        assertThat(Documents.problems(files.alone()))
                .contains(
                        "a.json: groups.g1.replica: found a field that does not exist; allowed"
                                + " replicas",
                        "a.json: tenant: found a member that does not exist; allowed groups,"
                                + " tenants",
                        "a.json: tenants: found 1; allowed an object",
                        "b.json: groups.g1: found the document twice; allowed each document once",
                        "b.json: groups.g1: found the member twice; allowed each member once")
                .anyMatch(problem -> problem.startsWith("c.json: found "));
    }

    @Test
    void filesGoOverWhatIsThere() {
        Map<String, ByteString> before =
                Documents.values("groups/g1", G1, "tenants/a", tenant(1), "tenants/b", tenant(1));
        ManifestFiles files = new ManifestFiles();
        files.add("f", "{\"tenants\": {\"a\": " + tenant(2) + ", \"c\": " + tenant(1) + "}}");

        ManifestDocuments after = good(files.over(before, false));

        assertThat(after)
                .isEqualTo(
                        good(
                                "groups/g1",
                                G1,
                                "tenants/a",
                                tenant(2),
                                "tenants/b",
                                tenant(1),
                                "tenants/c",
                                tenant(1)));
        ManifestDifference difference = ManifestDifference.between(before, after);
        assertThat(difference.put())
                .containsExactly(
                        Map.entry("/clustor/v1/tenants/a", "{\"routingEpoch\":2,\"group\":\"g1\"}"),
                        Map.entry(
                                "/clustor/v1/tenants/c", "{\"routingEpoch\":1,\"group\":\"g1\"}"));
        assertThat(difference.deleted()).isEmpty();
        assertThat(difference.lines())
                .containsExactly(
                        "~ /clustor/v1/tenants/a",
                        "    routingEpoch: 1 -> 2",
                        "+ /clustor/v1/tenants/c",
                        "    group: \"g1\"",
                        "    routingEpoch: 1");
    }

    @Test
    void pruningTakesAwayWhatTheFilesDoNotHave() {
        Map<String, ByteString> before =
                Documents.values("groups/g1", G1, "tenants/a", tenant(1), "other", "?");
        ManifestFiles files = new ManifestFiles();
        files.add("f", "{\"groups\": {\"g1\": " + G1.replace("h2:", "h9:") + "}}");

        ManifestDifference difference =
                ManifestDifference.between(before, good(files.over(before, true)));

        assertThat(difference.deleted())
                .containsExactly("/clustor/v1/other", "/clustor/v1/tenants/a");
        assertThat(difference.lines())
                .containsExactly(
                        "~ /clustor/v1/groups/g1",
                        "    replicas[n2].raftAddress: \"h2:2380\" -> \"h9:2380\"",
                        "- /clustor/v1/other",
                        "- /clustor/v1/tenants/a");
    }

    @Test
    void filesMendWhatIsBroken() {
        Map<String, ByteString> before =
                Documents.values("groups/g1", G1, "tenants/a", "{\"routingEpoch\": ");
        ManifestFiles files = new ManifestFiles();
        files.add("f", "{\"tenants\": {\"a\": " + tenant(1) + "}}");

        ManifestDifference difference =
                ManifestDifference.between(before, good(files.over(before, false)));

        assertThat(difference.put().keySet()).isEqualTo(java.util.Set.of("/clustor/v1/tenants/a"));
        assertThat(difference.lines().getFirst())
                .isEqualTo("~ /clustor/v1/tenants/a (what is there can't be read)");
    }

    @Test
    void respellingChangesNothing() {
        Map<String, ByteString> before = Documents.values("groups/g1", G1, "tenants/acme", ACME);
        ManifestFiles files = new ManifestFiles();
        files.add("f", good(ManifestDocuments.parse(before)).file());

        assertThat(ManifestDifference.between(before, good(files.over(before, true))).isEmpty())
                .isTrue();
    }

    private static String tenant(int epoch) {
        return "{\"routingEpoch\": " + epoch + ", \"group\": \"g1\"}";
    }

    @Test
    void problemsShowALongValueShortened() {
        Problem problem = new Problem("d", "f", "x".repeat(1_000), "less");

        assertThat(problem.toString()).hasSizeLessThan(200).contains("…");
        assertThat(List.of(problem)).hasSize(1);
    }
}
