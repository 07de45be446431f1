package io.lattice.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.gateway.security.DevCertificates;
import io.lattice.gateway.security.TlsFiles;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.netty.handler.codec.http2.Http2Error;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Requests over HTTP/2 that aren't gRPC's, beside some that are.
class Http2RequestsTest {
    private static final String RANGE = "{\"key\":\"aw==\"}";
    private static final String RANGED =
            "{\"kvs\":[{\"key\":\"aw==\",\"version\":\"7\"}],\"count\":\"1\"}";

    @TempDir Path directory;

    @Test
    void oneConnectionHasRequestsOfBothKinds() throws Exception {
        try (PortFixture fixture = PortFixture.plain(PortFixture.LIMITS);
                Http2Client client = new Http2Client(fixture.port.port())) {
            Http2Client.Stream watch = client.open(Http2Client.head("POST", "/v3/watch"), false);
            watch.send("{\"create_request\":{}}");
            assertThat(watch.line())
                    .isEqualTo("{\"result\":{\"watch_id\":\"1\",\"created\":true}}");

            Http2Client.Stream health = client.get("/healthz");
            Http2Client.Stream range = client.post("/v3/kv/range", RANGE);
            Http2Client.Stream grpc = grpcRange(client);

            assertThat(health.status()).isEqualTo("200");
            assertThat(health.body()).isEqualTo("ok\n");
            assertThat(health.header("x-content-type-options")).isEqualTo("nosniff");
            assertThat(range.status()).isEqualTo("200");
            assertThat(range.header("content-type")).isEqualTo("application/json");
            assertThat(range.body()).isEqualTo(RANGED);
            assertThat(grpc.header("content-type")).isEqualTo("application/grpc");
            assertThat(grpc.trailer("grpc-status")).isEqualTo("0");
            assertThat(fixture.port.openConnections()).isEqualTo(1);
            watch.cancel();
            Awaitility.await().until(() -> fixture.node.openWatches.get() == 0);
        }
    }

    private static Http2Client.Stream grpcRange(Http2Client client) throws InterruptedException {
        byte[] message =
                RangeRequest.newBuilder()
                        .setKey(ByteString.copyFromUtf8("k"))
                        .build()
                        .toByteArray();
        Http2Client.Stream grpc =
                client.open(
                        Http2Client.head("POST", "/etcdserverpb.KV/Range")
                                .set("content-type", "application/grpc")
                                .set("te", "trailers"),
                        false);
        grpc.send(
                ByteBuffer.allocate(5 + message.length)
                        .put((byte) 0)
                        .putInt(message.length)
                        .put(message)
                        .array(),
                true);
        return grpc;
    }

    @Test
    void statusesAndRefusalsAreThoseOfHttp1() throws Exception {
        try (PortFixture fixture = PortFixture.plain(PortFixture.LIMITS);
                Http2Client client = new Http2Client(fixture.port.port())) {
            for (String path :
                    List.of(
                            "/livez?verbose",
                            "/livez?exclude=serializable_read",
                            "/readyz",
                            "/health",
                            "/version",
                            "/v3/kv/range",
                            "/nowhere")) {
                HttpResponse<String> old = fixture.http(null, path, null);
                Http2Client.Stream stream = client.get(path);
                assertThat(stream.status()).as(path).isEqualTo("" + old.statusCode());
                assertThat(stream.body()).as(path).isEqualTo(old.body());
            }
            for (String path : List.of("/v3/kv/put", "/v3/auth/enable", "/v3/none", "/healthz")) {
                HttpResponse<String> old = fixture.http(null, path, "{}");
                Http2Client.Stream stream = client.post(path, "{}");
                assertThat(stream.status()).as(path).isEqualTo("" + old.statusCode());
                assertThat(stream.body()).as(path).isEqualTo(old.body());
            }
            assertThat(client.get("/%zz").status()).isEqualTo("400");
            Http2Client.Stream head = client.open(Http2Client.head("HEAD", "/healthz"), true);
            assertThat(head.status()).isEqualTo("405");
            assertThat(head.body()).isEmpty();
            Http2Client.Stream connection =
                    client.open(Http2Client.head("GET", "/healthz").set("connection", "x"), true);
            Http2Client.Stream method = client.open(Http2Client.head("G T", "/healthz"), true);
            assertThat(method.resetWith()).isEqualTo(Http2Error.PROTOCOL_ERROR.code());
            assertThat(connection.resetWith()).isEqualTo(Http2Error.PROTOCOL_ERROR.code());
            assertThat(client.isOpen()).isTrue();
        }
    }

    @Test
    void overTlsACertificateIsWantedForJsonAndNotForHealth() throws Exception {
        DevCertificates ca = PortFixture.authority(directory);
        TlsFiles owner = ca.createClient("c");
        try (PortFixture fixture =
                        PortFixture.secure(
                                ca.createServer("n1", "n1", "localhost"), PortFixture.LIMITS);
                HttpClient bare = http2(PortFixture.context(owner, false));
                HttpClient known = http2(PortFixture.context(owner, true))) {
            for (String open : List.of("/healthz", "/readyz", "/livez", "/health", "/version")) {
                HttpResponse<String> answer = send(bare, fixture, open, null);
                assertThat(answer.version()).isEqualTo(HttpClient.Version.HTTP_2);
                assertThat(answer.statusCode()).as(open).isEqualTo(200);
            }
            assertThat(send(bare, fixture, "/v3/kv/range", RANGE).statusCode()).isEqualTo(401);
            assertThat(send(bare, fixture, "/v3/watch", RANGE).statusCode()).isEqualTo(401);
            assertThat(send(known, fixture, "/v3/kv/range", RANGE).body()).isEqualTo(RANGED);
            assertThat(fixture.grpc(owner, true).range(RangeRequest.getDefaultInstance()))
                    .isNotNull();
        }
    }

    private static HttpClient http2(SSLContext context) {
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_2)
                .sslContext(context)
                .connectTimeout(Duration.ofSeconds(20))
                .build();
    }

    private static HttpResponse<String> send(
            HttpClient client, PortFixture fixture, String path, @Nullable String body)
            throws Exception {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(
                                URI.create("https://127.0.0.1:" + fixture.port.port() + path))
                        .timeout(Duration.ofSeconds(20));
        if (body != null) {
            request.POST(HttpRequest.BodyPublishers.ofString(body));
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void whatIsTooLargeIsRefusedAndOthersOfTheConnectionAreServed() throws Exception {
        try (PortFixture fixture = PortFixture.plain(PortFixture.SHORT);
                Http2Client client = new Http2Client(fixture.port.port())) {
            Http2Client.Stream large =
                    client.post("/v3/kv/range", "x".repeat(PortFixture.SHORT.bodyBytes() + 1));

            assertThat(large.status()).isEqualTo("413");
            assertThat(client.post("/v3/kv/range", RANGE).body()).isEqualTo(RANGED);
        }
    }

    @Test
    void bodiesThatAreNeverCompleteAreBoundedTogether() throws Exception {
        Limits patient =
                new Limits(
                        5,
                        Duration.ofSeconds(60),
                        Duration.ofSeconds(60),
                        Duration.ofSeconds(60),
                        64 << 10);
        try (PortFixture fixture = PortFixture.plain(patient);
                Http2Client client = new Http2Client(fixture.port.port())) {
            List<Http2Client.Stream> hoarding = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                Http2Client.Stream stream =
                        client.open(Http2Client.head("POST", "/v3/kv/put"), false);
                stream.send("x".repeat(patient.bodyBytes()));
                hoarding.add(stream);
            }

            Awaitility.await()
                    .until(() -> hoarding.stream().anyMatch(Http2Client.Stream::hasEnded));
            for (Http2Client.Stream stream : hoarding) {
                if (stream.hasEnded()) {
                    assertThat(stream.resetWith()).isEqualTo(Http2Error.ENHANCE_YOUR_CALM.code());
                } else {
                    stream.cancel();
                }
            }
            assertThat(client.post("/v3/kv/range", RANGE).body()).isEqualTo(RANGED);
        }
    }

    @Test
    void aBodyThatDoesNotGoOnIsResetAndAnIdleConnectionIsClosed() throws Exception {
        try (PortFixture fixture = PortFixture.plain(PortFixture.SHORT);
                Http2Client client = new Http2Client(fixture.port.port())) {
            Http2Client.Stream slow = client.open(Http2Client.head("POST", "/v3/kv/put"), false);
            slow.send("{\"key\"");
            Http2Client.Stream mute = client.open(Http2Client.head("POST", "/v3/watch"), false);

            assertThat(slow.resetWith()).isEqualTo(Http2Error.CANCEL.code());
            assertThat(mute.status()).isEqualTo("408");
            Awaitility.await().until(() -> !client.isOpen());
            assertThat(fixture.port.openConnections()).isZero();
        }
    }

    @Test
    void aStoppingPortFinishesTheAnswerUnderWay() throws Exception {
        try (PortFixture fixture = PortFixture.plain(PortFixture.LIMITS);
                Http2Client client = new Http2Client(fixture.port.port())) {
            Http2Client.Stream put = client.post("/v3/kv/put", RANGE);
            Awaitility.await().until(() -> fixture.node.putsWaiting.get() == 1);

            fixture.port.shutdown();
            fixture.node.putMayEnd.countDown();

            assertThat(put.status()).isEqualTo("200");
            assertThat(fixture.port.drain(Duration.ofSeconds(20))).isTrue();
        }
    }
}
