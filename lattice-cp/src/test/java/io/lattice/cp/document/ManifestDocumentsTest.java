package io.lattice.cp.document;

import static io.lattice.cp.document.Documents.ACME;
import static io.lattice.cp.document.Documents.G1;
import static io.lattice.cp.document.Documents.good;
import static io.lattice.cp.document.Documents.problems;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.manifest.Sha256;
import io.lattice.cp.manifest.StandaloneManifest;
import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ManifestDocumentsTest {
    private static final String TENANT = "{\"routingEpoch\": 1, \"group\": \"g1\"}";
    private static final TenantDefaults DEFAULTS =
            new TenantDefaults(
                    new LeaseTtlPolicy(
                            Duration.ofSeconds(2), Duration.ofMinutes(1), Duration.ofDays(1)),
                    new QuotaPolicy(7, 8, 9, QuotaPolicy.SpaceRecovery.MANUAL),
                    Duration.ofMinutes(5));

    @Test
    void tenantsNeedTheirGroupsAndAllNeedOne() {
        String other = TENANT.replace("g1", "g2");
        var documents = good("groups/g1", G1, "groups/g2", G1, "tenants/acme", other);

        assertThat(documents.neededBy(List.of("/clustor/v1/groups/g2")))
                .containsExactly("/clustor/v1/groups/g1");
        assertThat(documents.neededBy(List.of("/clustor/v1/tenants/acme")))
                .containsExactly("/clustor/v1/groups/g1", "/clustor/v1/groups/g2");
        assertThat(documents.neededBy(List.of("/clustor/v1/tenants/gone")))
                .containsExactly("/clustor/v1/groups/g1");
    }

    @Test
    void readsWhatDocumentsSay() {
        Manifest manifest = good("groups/g1", G1, "tenants/acme", ACME).manifest(DEFAULTS);

        assertThat(manifest.tenants())
                .containsExactly(
                        Map.entry(
                                "acme",
                                new Manifest.Tenant(
                                        StandaloneManifest.keyspace("acme"),
                                        "g1",
                                        3,
                                        new Manifest.Access(
                                                Set.of("acme-client"), Set.of("acme.test")),
                                        new LeaseTtlPolicy(
                                                Duration.ofSeconds(5),
                                                Duration.ofSeconds(30),
                                                Duration.ofHours(1)),
                                        new QuotaPolicy(
                                                100,
                                                1 << 20,
                                                0,
                                                QuotaPolicy.SpaceRecovery.AUTOMATIC),
                                        new Manifest.Service(true, Duration.ofMinutes(1)))));
        assertThat(manifest.groups())
                .containsExactly(
                        Map.entry(
                                "g1",
                                new Manifest.Group(
                                        List.of(
                                                new Manifest.Replica(
                                                        "n1",
                                                        "h1:2380",
                                                        List.of("https://h1:2379")),
                                                new Manifest.Replica("n2", "h2:2380")),
                                        List.of(new Manifest.Replica("n3", "h3:2380")))));
    }

    @Test
    void whatADocumentDoesNotSayIsTheConfigurations() {
        Manifest.Tenant tenant =
                good("groups/g1", G1, "tenants/a", TENANT).manifest(DEFAULTS).tenants().get("a");

        assertThat(tenant)
                .isEqualTo(
                        new Manifest.Tenant(
                                StandaloneManifest.keyspace("a"),
                                "g1",
                                1,
                                Manifest.Access.NONE,
                                DEFAULTS.leaseTtl(),
                                DEFAULTS.quota(),
                                new Manifest.Service(true, DEFAULTS.watchIdleTimeout())));
    }

    @Test
    void inactiveIsSaidInTheDocument() {
        Manifest manifest =
                good(
                                "groups/g1",
                                G1,
                                "tenants/a",
                                "{\"routingEpoch\": 1, \"group\": \"g1\", \"active\": false}")
                        .manifest(DEFAULTS);

        assertThat(manifest.tenants().get("a").service().active()).isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        // Given bounds beyond the configuration's: those give way.
        "'\"minSeconds\": 100', 100, 100, 86400",
        "'\"minSeconds\": 100000', 100000, 100000, 100000",
        "'\"defaultSeconds\": 1', 1, 1, 86400",
        "'\"defaultSeconds\": 100000', 2, 100000, 100000",
        "'\"maxSeconds\": 1', 1, 1, 1",
        "'\"maxSeconds\": 10', 2, 10, 10",
        "'\"minSeconds\": 5, \"maxSeconds\": 7', 5, 7, 7",
    })
    void boundsThatAreGivenWinOverTheConfigurations(
            String bounds, long least, long usual, long most) {
        String tenant = "{\"routingEpoch\": 1, \"group\": \"g1\", \"leaseTtl\": {" + bounds + "}}";

        LeaseTtlPolicy ttl =
                good("groups/g1", G1, "tenants/a", tenant)
                        .manifest(DEFAULTS)
                        .tenants()
                        .get("a")
                        .leaseTtl();

        assertThat(ttl)
                .isEqualTo(
                        new LeaseTtlPolicy(
                                Duration.ofSeconds(least),
                                Duration.ofSeconds(usual),
                                Duration.ofSeconds(most)));
    }

    @Test
    void namesEveryProblemAtOnce() {
        List<String> problems =
                problems(
                        "groups/g1",
                        """
                        {"replicas": [
                          {"nodeId": "n 1", "raftAddress": "h1", "clientUrls": ["h1:2379"]},
                          {"nodeId": "n2", "raftAddress": "0.0.0.0:2380", "role": "LEADER"}]}
                        """,
                        "groups/g2",
                        "{\"replicas\": [{\"nodeId\": \"n3\", \"raftAddress\": \"h3:1\", \"role\":"
                                + " 1}]}",
                        "tenants/acme",
                        """
                        {"routingEpoch": 0, "group": "g9", "qps": 1, "active": "yes",
                         "quotas": {"requestsPerSecond": -1, "storedBytes": 1.5},
                         "leaseTtl": {"minSeconds": 60, "defaultSeconds": 30, "maxSeconds": 10},
                         "identities": {"serverNames": ["Acme.Test"], "certificates": [null]},
                         "watchIdleTimeoutMs": 1}
                        """,
                        "tenants/a b",
                        TENANT,
                        "tenant/acme",
                        TENANT);

        String groups = "/clustor/v1/groups/";
        String acme = "/clustor/v1/tenants/acme: ";
        String name = "1 to 63 letters, digits, '.', '_' or '-', the first a letter or digit";
        assertThat(problems)
                .containsExactlyInAnyOrder(
                        groups
                                + "g1: replicas[1].role: found \"LEADER\"; allowed VOTER or"
                                + " LISTENER",
                        groups + "g1: replicas[n 1].nodeId: found \"n 1\"; allowed " + name,
                        groups
                                + "g1: replicas[n 1].raftAddress: found \"h1\"; allowed host:port"
                                + " that the other nodes can dial, the port 1 to 65535",
                        groups
                                + "g1: replicas[n 1].clientUrls: found \"h1:2379\"; allowed"
                                + " http://host:port or https://host:port",
                        groups
                                + "g1: replicas[n2].raftAddress: found \"0.0.0.0:2380\"; allowed"
                                + " host:port that the other nodes can dial, the port 1 to 65535",
                        groups + "g2: replicas: found listeners only; allowed at least one voter",
                        acme
                                + "qps: found a field that does not exist; allowed routingEpoch,"
                                + " group, active, identities, quotas, leaseTtl,"
                                + " watchIdleTimeoutMs",
                        acme + "active: found \"yes\"; allowed true or false",
                        acme
                                + "quotas.storedBytes: found 1.5; allowed a whole number of at most"
                                + " 63 bits",
                        acme + "identities.certificates[0]: found null; allowed text",
                        acme + "routingEpoch: found 0; allowed 1 or more",
                        acme + "group: found \"g9\"; allowed one of g1, g2",
                        acme + "watchIdleTimeoutMs: found 1; allowed 1000 to 86400000",
                        acme
                                + "identities.serverNames: found \"Acme.Test\"; allowed a host name"
                                + " in lower case",
                        acme + "quotas.requestsPerSecond: found -1; allowed 0 to 1099511627776",
                        acme
                                + "leaseTtl.defaultSeconds: found 30; allowed 60 or more, as"
                                + " leaseTtl.minSeconds says",
                        acme
                                + "leaseTtl.maxSeconds: found 10; allowed 60 or more, as"
                                + " leaseTtl.minSeconds says",
                        "/clustor/v1/tenants/a b: found the name \"a b\"; allowed " + name,
                        "/clustor/v1/tenant/acme: found a key of an unknown kind; allowed"
                                + " /clustor/v1/tenants/<tenant> and /clustor/v1/groups/<group>");
    }

    @Test
    void refusesWhatTwoTenantsShare() {
        String tenant =
                """
                {"routingEpoch": 1, "group": "g1",
                 "identities": {"certificates": ["shared", "%s"], "serverNames": ["shared.test"]}}
                """;

        List<String> problems =
                problems(
                        "groups/g1",
                        G1,
                        "tenants/a",
                        tenant.formatted("own-a"),
                        "tenants/b",
                        tenant.formatted("own-b"));

        assertThat(problems)
                .containsExactly(
                        "/clustor/v1/tenants/b: identities.certificates: found \"shared\", which"
                                + " stands for tenant a; allowed each of them once, for one tenant",
                        "/clustor/v1/tenants/b: identities.serverNames: found \"shared.test\","
                                + " which stands for tenant a; allowed each of them once, for one"
                                + " tenant");
    }

    @Test
    void refusesNodesThatContradictThemselves() {
        List<String> problems =
                problems(
                        "groups/g1",
                        """
                        {"replicas": [
                          {"nodeId": "n1", "raftAddress": "h1:2380"},
                          {"nodeId": "n1", "raftAddress": "h1:2380"},
                          {"nodeId": "n2", "raftAddress": "h1:2380"}]}
                        """,
                        "groups/g2",
                        """
                        {"replicas": [
                          {"nodeId": "n1", "raftAddress": "h9:2380", "clientUrls": ["http://h9:1"]}]}
                        """);

        assertThat(problems)
                .containsExactly(
                        "/clustor/v1/groups/g1: replicas[n1]: found the node id twice; allowed each"
                                + " node id once in a group",
                        "/clustor/v1/groups/g1: replicas[n2].raftAddress: found \"h1:2380\", which"
                                + " is the address of n1; allowed an address of its own",
                        "/clustor/v1/groups/g2: replicas[n1].raftAddress: found \"h9:2380\";"
                                + " allowed \"h1:2380\", the node's in another place",
                        "/clustor/v1/groups/g2: replicas[n1].clientUrls: found [http://h9:1];"
                                + " allowed [], the node's in another place");
    }

    @Test
    void refusesAGroupWithoutReplicasAndNoGroupAtAll() {
        assertThat(problems("groups/g1", "{}"))
                .containsExactly(
                        "/clustor/v1/groups/g1: replicas: found none; allowed at least one voter");
        assertThat(problems())
                .containsExactly("/clustor/v1/groups/: found no group; allowed at least one");
    }

    @Test
    void refusesNamesThatMakeOneKeyspace() {
        // Found by search: both names hash to the same 31 bits.
        String[] twins = twins();

        assertThat(
                        problems(
                                "groups/g1",
                                G1,
                                "tenants/" + twins[0],
                                TENANT,
                                "tenants/" + twins[1],
                                TENANT))
                .hasSize(1)
                .first()
                .asString()
                .contains("by chance this one makes the same keyspace as");
    }

    private static String[] twins() {
        Map<Integer, String> seen = new TreeMap<>();
        for (int i = 0; ; i++) {
            String name = "t" + i;
            String other = seen.put(StandaloneManifest.keyspace(name), name);
            if (other != null) {
                return new String[] {other, name};
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "[]",
                "null",
                "{'routingEpoch': 1}",
                "{\"routingEpoch\": 1} x",
                "{\"routingEpoch\": 1}{}",
                "{\"routingEpoch\": 1, \"routingEpoch\": 2, \"group\": \"g1\"}",
                "{\"routingEpoch\": 1, \"routing_epoch\": 2, \"group\": \"g1\"}",
                "{\"routingEpoch\": 1e999999999, \"group\": \"g1\"}",
                "{\"routingEpoch\": 9223372036854775808, \"group\": \"g1\"}",
                "{\"group\": [], \"routingEpoch\": {}}",
                "\u0000",
            })
    void refusesWhatIsNotADocument(String json) {
        assertThat(problems("groups/g1", G1, "tenants/a", json))
                .isNotEmpty()
                .allMatch(problem -> problem.startsWith("/clustor/v1/tenants/a"));
    }

    @Test
    void refusesDeeplyNestedTextWithoutFallingOver() {
        String deep = "{\"x\": " + "[".repeat(100_000) + "]".repeat(100_000) + "}";

        assertThat(problems("groups/g1", G1, "tenants/a", deep)).isNotEmpty();
    }

    @Test
    void refusesTextThatIsNotUtf8() {
        Map<String, ByteString> values = Documents.values("groups/g1", G1);
        values.put("/clustor/v1/tenants/a", ByteString.fromHex("c328"));

        assertThat(Documents.problems(ManifestDocuments.parse(values)).getFirst())
                .isEqualTo(
                        "/clustor/v1/tenants/a: found text that isn't UTF-8; allowed JSON in"
                                + " UTF-8");
    }

    @Test
    void digestIsOfWhatDocumentsSayNotOfHowTheySayIt() {
        ManifestDocuments documents = good("groups/g1", G1, "tenants/acme", ACME);
        ManifestDocuments respelt =
                good(
                        "groups/g1",
                        """
                        { "replicas" : [
                          {"node_id": "n3", "role": 1, "raft_address": "h3:2380"},
                          {"raftAddress": "h2:2380", "nodeId": "n2", "role": "VOTER"},
                          {"nodeId": "n1", "raftAddress": "h1:2380", "client_urls": ["https://h1:2379"]}]}
                        """,
                        "tenants/acme",
                        ACME.replace("\"routingEpoch\": 3", "\"routing_epoch\": \"3.0\""));

        assertThat(respelt).isEqualTo(documents);
        assertThat(respelt.digest()).isEqualTo(documents.digest());
        assertThat(documents.digest())
                .isEqualTo(
                        Sha256.tagged(
                                ("/clustor/v1/groups/g1"
                                                + " {\"replicas\":[{\"nodeId\":\"n1\",\"raftAddress\":"
                                                + "\"h1:2380\",\"clientUrls\":[\"https://h1:2379\"]},"
                                                + "{\"nodeId\":\"n2\",\"raftAddress\":\"h2:2380\"},"
                                                + "{\"nodeId\":\"n3\",\"raftAddress\":\"h3:2380\",\"role\":\"LISTENER\"}]}\n"
                                                + "/clustor/v1/tenants/acme {\"routingEpoch\":3,\"group\":"
                                                + "\"g1\",\"identities\":{\"certificates\":[\"acme-client\"],"
                                                + "\"serverNames\":[\"acme.test\"]},\"quotas\":"
                                                + "{\"requestsPerSecond\":100,\"bytesPerSecond\":1048576,"
                                                + "\"storedBytes\":0,\"spaceRecovery\":\"AUTOMATIC\"},"
                                                + "\"leaseTtl\":{\"minSeconds\":5,\"defaultSeconds\":30,\"maxSeconds\":3600},\"watchIdleTimeoutMs\":60000}\n")
                                        .getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void everyFieldCountsInTheDigest() {
        String digest = good("groups/g1", G1, "tenants/acme", ACME).digest();

        for (String changed :
                List.of(
                        ACME.replace("3,", "4,"),
                        ACME.replace("acme-client", "other"),
                        ACME.replace("acme.test", "other.test"),
                        ACME.replace("100", "101"),
                        ACME.replace("AUTOMATIC", "MANUAL"),
                        ACME.replace("3600", "3601"),
                        ACME.replace("60000", "60001"),
                        ACME.replace("{\"routingEpoch\"", "{\"active\": true, \"routingEpoch\""))) {
            assertThat(changed).isNotEqualTo(ACME);
            assertThat(good("groups/g1", G1, "tenants/acme", changed).digest())
                    .isNotEqualTo(digest);
        }
    }

    @Test
    void canonicalFormReadsBackAsTheSame() {
        ManifestDocuments documents = good("groups/g1", G1, "tenants/acme", ACME);
        Map<String, ByteString> values = new TreeMap<>();
        documents
                .canonical()
                .forEach((key, json) -> values.put(key, ByteString.copyFromUtf8(json)));

        assertThat(good(ManifestDocuments.parse(values))).isEqualTo(documents);
    }

    /// Whatever comes, it is read or refused with problems, and nothing is thrown.
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void garbageIsRefusedNotThrown(long seed) {
        Random random = new Random(seed);
        String pieces = "{}[]\",:0123456789eE.-+ nulltruefalsegroupsroutingEpochquotas\\u";
        for (int i = 0; i < 3_000; i++) {
            byte[] value = ACME.getBytes(StandardCharsets.UTF_8);
            int edits = 1 + random.nextInt(6);
            for (int edit = 0; edit < edits; edit++) {
                int at = random.nextInt(value.length);
                value[at] =
                        random.nextInt(8) == 0
                                ? (byte) random.nextInt()
                                : (byte) pieces.charAt(random.nextInt(pieces.length()));
            }
            int end = random.nextInt(4) == 0 ? random.nextInt(value.length) : value.length;
            Map<String, ByteString> values = Documents.values("groups/g1", G1);
            values.put("/clustor/v1/tenants/acme", ByteString.copyFrom(value, 0, end));

            switch (ManifestDocuments.parse(values)) {
                case ManifestDocuments.Outcome.Good(ManifestDocuments documents) ->
                        assertThat(documents.manifest(DEFAULTS).tenants()).hasSize(1);
                case ManifestDocuments.Outcome.Refused(List<Problem> problems) ->
                        assertThat(problems).as("seed %d, case %d", seed, i).isNotEmpty();
            }
        }
    }
}
