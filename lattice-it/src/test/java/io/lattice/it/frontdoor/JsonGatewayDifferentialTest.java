package io.lattice.it.frontdoor;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.assertj.core.api.SoftAssertions;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// The same requests over HTTP to etcd and to Lattice get the same status and the same JSON.
class JsonGatewayDifferentialTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    /// Different by nature: who answers, in which term.
    private static final Set<String> OF_THE_NODE = Set.of("cluster_id", "member_id", "raft_term");

    /// `path body`, in order; "k" is "aw==", "v" is "dg==", "l" is "bA==".
    private static final List<String> REQUESTS =
            List.of(
                    "/v3/kv/range {\"key\":\"aw==\"}",
                    "/v3/kv/put {\"key\":\"aw==\",\"value\":\"dg==\"}",
                    "/v3/kv/put {\"key\":\"aw==\",\"value\":\"dg==\",\"prev_kv\":true}",
                    "/v3/kv/put {\"key\":\"aw==\",\"value\":\"dg==\",\"prevKv\":true}",
                    "/v3/kv/range {\"key\":\"aw==\"}",
                    "/v3/kv/range"
                            + " {\"key\":\"aw==\",\"range_end\":\"bA==\",\"limit\":\"5\",\"sort_order\":\"DESCEND\"}",
                    "/v3/kv/range {\"key\":\"aw==\",\"serializable\":true,\"keys_only\":true}",
                    "/v3/kv/range {\"key\":\"aw==\",\"count_only\":true}",
                    "/v3/kv/range {\"key\":\"aw==\",\"revision\":100}",
                    "/v3/kv/range {\"key\":\"aw==\",\"revision\":\"2\"}",
                    "/v3/kv/range {}",
                    "/v3/kv/range ",
                    "/v3/kv/range {\"key\":\"aw==\",\"nothing\":{\"a\":[1,2]}}",
                    "/v3/kv/range {\"key\":",
                    "/v3/kv/range {\"key\":5}",
                    "/v3/kv/put {\"key\":\"aw==\",\"lease\":\"77\"}",
                    "/v3/kv/put {\"key\":\"\"}",
                    "/v3/kv/txn"
                            + " {\"compare\":[{\"key\":\"aw==\",\"target\":\"VERSION\",\"version\":\"3\"}],"
                            + "\"success\":[{\"request_put\":{\"key\":\"bA==\",\"value\":\"dg==\"}}],"
                            + "\"failure\":[{\"request_range\":{\"key\":\"aw==\"}}]}",
                    "/v3/kv/txn"
                            + " {\"compare\":[{\"key\":\"aw==\",\"target\":\"CREATE\",\"create_revision\":\"0\"}],"
                            + "\"failure\":[{\"requestRange\":{\"key\":\"aw==\"}},"
                            + "{\"request_delete_range\":{\"key\":\"bA==\",\"prev_kv\":true}}]}",
                    "/v3/lease/grant {\"TTL\":\"100\",\"ID\":\"1000\"}",
                    "/v3/lease/grant {\"TTL\":\"100\",\"ID\":\"1000\"}",
                    "/v3/kv/put {\"key\":\"bA==\",\"value\":\"dg==\",\"lease\":\"1000\"}",
                    "/v3/lease/timetolive {\"ID\":\"1000\",\"keys\":true}",
                    "/v3/kv/lease/timetolive {\"ID\":\"5\"}",
                    "/v3/lease/leases {}",
                    "/v3/kv/lease/leases ",
                    "/v3/lease/keepalive {\"ID\":\"1000\"}",
                    "/v3/lease/revoke {\"ID\":\"1000\"}",
                    "/v3/kv/lease/revoke {\"ID\":\"1000\"}",
                    "/v3/kv/deleterange {\"key\":\"aw==\",\"prev_kv\":true}",
                    "/v3/kv/compaction {\"revision\":\"3\"}",
                    "/v3/kv/compaction {\"revision\":\"3\"}",
                    "/v3/kv/range {\"key\":\"aw==\",\"revision\":\"2\"}",
                    "/v3/maintenance/alarm {\"action\":\"GET\"}",
                    "/v3/maintenance/hashkv {}",
                    "/v3beta/kv/range {\"key\":\"bA==\"}",
                    "/v3/kv/none {}",
                    "/v3/ {}");

    @Test
    void theSameRequestsGetTheSameAnswers() throws Exception {
        TestCluster etcd = CLUSTERS.plain("etcd", new EtcdKind(false), 1);
        TestCluster lattice = CLUSTERS.plain("lattice", new LatticeKind(), 1);
        SoftAssertions all = new SoftAssertions();
        try (HttpClient client = client()) {
            for (String request : REQUESTS) {
                String path = request.substring(0, request.indexOf(' '));
                String body = request.substring(request.indexOf(' ') + 1);

                Answer expected = send(client, etcd, path, body);
                Answer actual = send(client, lattice, path, body);

                all.assertThat(actual).as(request).isEqualTo(expected);
            }
            for (String get :
                    List.of(
                            "/v3/kv/range",
                            "/v3/kv/none",
                            "/nowhere",
                            "/health",
                            "/health?serializable=true",
                            "/health?exclude=NOSPACE",
                            "/livez",
                            "/livez?verbose",
                            "/livez?exclude=serializable_read",
                            "/livez/serializable_read",
                            "/version")) {
                all.assertThat(send(client, lattice, get, null))
                        .as(get)
                        .isEqualTo(send(client, etcd, get, null));
            }
            for (String get : List.of("/health", "/livez")) {
                all.assertThat(send(client, lattice, get, ""))
                        .as("POST " + get)
                        .isEqualTo(send(client, etcd, get, ""));
            }
            all.assertThat(watched(client, lattice)).isEqualTo(watched(client, etcd));
            all.assertThat(renewed(client, lattice)).isEqualTo(renewed(client, etcd));
            all.assertAll();
        }
    }

    /// What a stream of messages is answered, some of which are cut in two on their way.
    private static List<JsonElement> renewed(HttpClient client, TestCluster cluster)
            throws IOException, InterruptedException {
        List<byte[]> pieces =
                Stream.of(
                                "{\"ID\":\"77\"} {\"I",
                                "D\":\"78\"}\n",
                                "{\"ID\":\"7",
                                "9\"}{\"ID\":\"80\"}")
                        .map(piece -> piece.getBytes(StandardCharsets.UTF_8))
                        .toList();
        HttpResponse<String> response =
                client.send(
                        HttpRequest.newBuilder(
                                        URI.create(cluster.clientUrl(0) + "/v3/lease/keepalive"))
                                .timeout(Duration.ofSeconds(30))
                                .POST(HttpRequest.BodyPublishers.ofByteArrays(pieces))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        assertThat(response.statusCode()).isEqualTo(200);
        List<JsonElement> lines =
                response.body().lines().map(line -> neutral(JsonParser.parseString(line))).toList();
        assertThat(lines).hasSize(4);
        return lines;
    }

    /// What a watch from revision 4 on answers first: that it is there, and the events that are.
    private static List<JsonElement> watched(HttpClient client, TestCluster cluster)
            throws IOException, InterruptedException {
        HttpResponse<java.io.InputStream> response =
                client.send(
                        request(
                                cluster,
                                "/v3/watch",
                                "{\"create_request\":{\"key\":\"AA==\",\"range_end\":\"AA==\",\"start_revision\":\"4\"}}"),
                        HttpResponse.BodyHandlers.ofInputStream());
        assertThat(response.statusCode()).isEqualTo(200);
        List<JsonElement> lines = new ArrayList<>();
        try (BufferedReader in =
                new BufferedReader(
                        new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            for (int i = 0; i < 2; i++) {
                lines.add(neutral(JsonParser.parseString(in.readLine())));
            }
        }
        return lines;
    }

    /// @param json null if the body isn't JSON, or only its text may differ
    private record Answer(int status, @Nullable JsonElement json, String text) {}

    private static Answer send(
            HttpClient client, TestCluster cluster, String path, @Nullable String body)
            throws IOException, InterruptedException {
        HttpResponse<String> response =
                client.send(request(cluster, path, body), HttpResponse.BodyHandlers.ofString());
        String text = response.body();
        if (!text.startsWith("{")) {
            return new Answer(response.statusCode(), null, text);
        }
        JsonElement json = neutral(JsonParser.parseString(text));
        return new Answer(response.statusCode(), json, "");
    }

    private static HttpRequest request(TestCluster cluster, String path, @Nullable String body) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(cluster.clientUrl(0) + path))
                        .timeout(Duration.ofSeconds(30));
        if (body != null) {
            request.POST(HttpRequest.BodyPublishers.ofString(body));
        }
        return request.build();
    }

    /// Without what belongs to one server or moment: ids of nodes, time that is left, and the words of JSON parsers.
    private static JsonElement neutral(JsonElement element) {
        if (element instanceof JsonObject object) {
            JsonObject result = new JsonObject();
            object.entrySet().stream()
                    .sorted(java.util.Map.Entry.comparingByKey())
                    .forEach(entry -> {
                        JsonElement value = entry.getValue();
                        // What is left of a lease, besides what was granted.
                        boolean left = entry.getKey().equals("TTL") && object.has("grantedTTL");
                        if (left || OF_THE_NODE.contains(entry.getKey())) {
                            value = new JsonPrimitive("set");
                        } else if (entry.getKey().equals("message")
                                && value.getAsString().startsWith("proto:")) {
                            value = new JsonPrimitive("proto: …");
                        }
                        result.add(entry.getKey(), neutral(value));
                    });
            return result;
        }
        return element;
    }

    private static HttpClient client() {
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(Duration.ofSeconds(20))
                .build();
    }
}
