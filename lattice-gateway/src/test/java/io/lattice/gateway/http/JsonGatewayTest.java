package io.lattice.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The JSON gateway and the health endpoints over plain HTTP/1.1.
class JsonGatewayTest {
    private PortFixture fixture;

    @BeforeEach
    void open() throws IOException {
        fixture = PortFixture.plain(PortFixture.LIMITS);
    }

    @AfterEach
    void close() throws InterruptedException {
        fixture.close();
    }

    private HttpResponse<String> post(String path, String body) throws Exception {
        return fixture.http(null, path, body);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/v3/kv/range|{\"key\":\"aw==\"}|200",
                "/v3beta/kv/range|{\"key\":\"aw==\"}|200",
                "/v3/kv/range|{\"key\":\"aw==\",\"rangeEnd\":\"bA==\",\"unknown\":[1]}|200",
                "/v3/kv/range|{\"key\":\"aw==\"} trailing|200",
                "/v3/kv/range|''|200",
                "/v3/kv/range|{\"key\":|400",
                "/v3/kv/range|[]|400",
                "/v3/kv/put|{}|400",
                "/v3/kv/nothing|{}|404",
                "/v3/auth/enable|{}|501",
                "/v3/lock/lock|{}|501",
                "/v3/kv/deleterange|{}|501",
            })
    void answersWithTheStatusOfTheCall(String path, String body, int status) throws Exception {
        assertThat(post(path, body).statusCode()).isEqualTo(status);
    }

    @Test
    void saysWhatIsWrongInJson() throws Exception {
        JsonObject refused =
                JsonParser.parseString(post("/v3/kv/put", "{}").body()).getAsJsonObject();

        assertThat(refused.get("code").getAsInt()).isEqualTo(3);
        assertThat(refused.get("message").getAsString())
                .isEqualTo("etcdserver: key is not provided");
        assertThat(post("/v3/kv/range", null).body())
                .isEqualTo("{\"code\":12,\"message\":\"Method Not Allowed\"}");
        assertThat(post("/v3/nowhere", "{}").body())
                .isEqualTo("{\"code\":5,\"message\":\"Not Found\"}");
        assertThat(post("/nowhere", null).statusCode()).isEqualTo(404);
    }

    @Test
    void everyAnnotatedMethodHasItsPaths() {
        assertThat(new JsonGateway(List.of()).methods())
                .hasSizeGreaterThan(45)
                .containsKeys(
                        "/v3/kv/range",
                        "/v3/kv/lease/revoke",
                        "/v3/lease/revoke",
                        "/v3/lease/keepalive",
                        "/v3/maintenance/snapshot",
                        "/v3/auth/role/revoke",
                        "/v3/cluster/member/promote",
                        "/v3/election/observe",
                        "/v3/lock/unlock");
    }

    @Test
    void aStreamIsLinesUntilItsClientGoes() throws Exception {
        String body = "{\"create_request\":{\"key\":\"aw==\"}}{\"create_request\":{}}";
        try (Socket socket = fixture.socket()) {
            socket.getOutputStream()
                    .write(
                            ("POST /v3/watch HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s")
                                    .formatted(body.length(), body)
                                    .getBytes(StandardCharsets.US_ASCII));
            BufferedReader in =
                    new BufferedReader(
                            new InputStreamReader(
                                    socket.getInputStream(), StandardCharsets.US_ASCII));

            assertThat(in.lines().filter(line -> line.startsWith("{")).limit(2))
                    .containsExactly(
                            "{\"result\":{\"watch_id\":\"1\",\"created\":true}}",
                            "{\"result\":{\"watch_id\":\"2\",\"created\":true}}");
            assertThat(fixture.node.openWatches).hasValue(1);
        }
        Awaitility.await().until(() -> fixture.node.openWatches.get() == 0);
    }

    @Test
    void requestsOfOneConnectionAreAnsweredInOrder() throws Exception {
        String request = "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n";
        try (Socket socket = fixture.socket()) {
            StringBuilder all = new StringBuilder();
            for (int i = 0; i < 50; i++) {
                all.append(request.formatted(i % 2 == 0 ? "healthz" : "version"));
            }
            all.append("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            socket.getOutputStream().write(all.toString().getBytes(StandardCharsets.US_ASCII));

            String answers =
                    new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);

            assertThat(answers.split("HTTP/1.1 200 OK", -1)).hasSize(52);
            assertThat(answers.split("\\{\"etcdserver\"", -1)).hasSize(26);
        }
    }

    @Test
    void healthSaysWhyItIsBad() throws Exception {
        assertThat(fixture.http(null, "/health", null).body())
                .isEqualTo("{\"health\":\"true\",\"reason\":\"\"}");

        fixture.node.leader = false;
        HttpResponse<String> leaderless = fixture.http(null, "/health", null);
        assertThat(leaderless.statusCode()).isEqualTo(503);
        assertThat(leaderless.body().trim())
                .isEqualTo("{\"health\":\"false\",\"reason\":\"RAFT NO LEADER\"}");
        assertThat(fixture.http(null, "/health?serializable=true", null).statusCode())
                .isEqualTo(200);
        HttpResponse<String> unready = fixture.http(null, "/readyz", null);
        assertThat(unready.statusCode()).isEqualTo(503);
        assertThat(unready.body())
                .contains(
                        "\"ready\":false", "\"leader_elected\":false", "\"can_serve_reads\":false");

        fixture.node.leader = true;
        fixture.node.alarms = List.of("NOSPACE");
        assertThat(fixture.http(null, "/health", null).body()).contains("ALARM NOSPACE");
        assertThat(fixture.http(null, "/health?exclude=NOSPACE", null).statusCode()).isEqualTo(200);

        fixture.node.readFailure = "etcdserver: request timed out";
        assertThat(fixture.http(null, "/health?exclude=NOSPACE", null).body())
                .contains("RANGE ERROR:etcdserver: request timed out");
        HttpResponse<String> dead = fixture.http(null, "/livez", null);
        assertThat(dead.statusCode()).isEqualTo(503);
        assertThat(dead.body())
                .startsWith("[-]serializable_read failed: etcdserver: request timed out\n");
        assertThat(fixture.http(null, "/livez?exclude=serializable_read", null).body())
                .isEqualTo("ok\n");
        assertThat(fixture.http(null, "/healthz", "x").statusCode()).isEqualTo(405);
    }
}
