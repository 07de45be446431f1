package io.lattice.it.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.Etcdctl;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.cluster.TlsMaterial;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// The audit log of a real node, after real clients with certificates.
class AuditedNodeTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final String VALUE = "never-to-be-seen";

    @Test
    void aLineForEachCallTellsWhoDidWhatWithWhichOutcome() throws Exception {
        Path file = Files.createDirectories(CLUSTERS.directory("audit")).resolve("audit.log");
        TestCluster cluster =
                CLUSTERS.secure(
                        "lattice", new LatticeKind("audit_log_path = \"%s\"\n".formatted(file)), 1);
        Etcdctl etcdctl = Etcdctl.of(cluster, 0);
        List<JsonObject> before = lines(file);

        etcdctl.run("put", "fruit/apple", VALUE).orThrow();
        Command.Result refused = etcdctl.run("lease", "revoke", "4d");
        String json = jsonPut(cluster, "fruit/pear", VALUE);
        etcdctl.run("get", "fruit/apple").orThrow();
        etcdctl.run("del", "--prefix", "fruit/").orThrow();

        // A line is written before its call is answered, so all are there.
        assertThat(refused.exit()).isNotZero();
        assertThat(json).endsWith(" 2 200");
        List<JsonObject> lines = lines(file).subList(before.size(), lines(file).size());
        assertThat(lines)
                .extracting(AuditedNodeTest::what)
                .containsExactly(
                        "etcdserverpb.KV/Put key=fruit/apple OK",
                        "etcdserverpb.Lease/LeaseRevoke ID=77 NOT_FOUND",
                        "etcdserverpb.KV/Put key=fruit/pear OK",
                        "etcdserverpb.KV/DeleteRange key=fruit/ range_end=fruit0 OK");
        assertThat(lines)
                .allSatisfy(line -> {
                    assertThat(text(line, "who")).isEqualTo("client");
                    assertThat(text(line, "tenant")).isEqualTo("default");
                    assertThat(text(line, "from")).contains(cluster.node(0).host());
                    assertThat(text(line, "request_id")).isNotEmpty();
                });
        assertThat(Files.readString(file)).doesNotContain(VALUE, base64(VALUE));
    }

    /// By curl, over TLS and so over HTTP/2.
    private static String jsonPut(TestCluster cluster, String key, String value) {
        TlsMaterial tls = tls(cluster);
        return Command.run(
                        LIMIT,
                        List.of(
                                "curl",
                                "-sS",
                                "--cacert",
                                tls.ca().toString(),
                                "--cert",
                                tls.clientCertificate().toString(),
                                "--key",
                                tls.clientKey().toString(),
                                "-w",
                                " %{http_version} %{http_code}",
                                "-d",
                                "{\"key\":\"%s\",\"value\":\"%s\"}"
                                        .formatted(base64(key), base64(value)),
                                cluster.clientUrl(0) + "/v3/kv/put"))
                .orThrow()
                .out();
    }

    private static TlsMaterial tls(TestCluster cluster) {
        return Objects.requireNonNull(cluster.tls());
    }

    private static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    /// Every line of the file is one JSON object.
    private static List<JsonObject> lines(Path file) throws IOException {
        return Files.readAllLines(file).stream()
                .map(line -> JsonParser.parseString(line).getAsJsonObject())
                .toList();
    }

    private static String what(JsonObject line) {
        return text(line, "operation") + " " + text(line, "request") + " " + text(line, "outcome");
    }

    private static String text(JsonObject line, String field) {
        return line.get(field).getAsString();
    }
}
