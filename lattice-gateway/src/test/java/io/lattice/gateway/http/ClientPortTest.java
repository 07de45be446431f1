package io.lattice.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.lattice.gateway.security.DevCertificates;
import io.lattice.gateway.security.TlsFiles;
import io.lattice.gateway.security.TlsMaterial;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.RangeRequest;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Protocols, certificates and their rotation on one port.
class ClientPortTest {
    private static final RangeRequest RANGE =
            RangeRequest.newBuilder().setKey(ByteString.copyFromUtf8("k")).build();

    /// {"key": base64 of "k"}
    private static final String RANGE_JSON = "{\"key\":\"aw==\"}";

    @TempDir Path directory;

    @Test
    void onePlainPortSpeaksGrpcAndHttp() throws Exception {
        try (PortFixture fixture = PortFixture.plain(PortFixture.LIMITS)) {
            assertThat(fixture.grpc(null, false).range(RANGE).getCount()).isEqualTo(1);
            assertThat(fixture.http(null, "/healthz", null).body()).isEqualTo("ok\n");
            assertThat(fixture.http(null, "/v3/kv/range", RANGE_JSON).body())
                    .isEqualTo("{\"kvs\":[{\"key\":\"aw==\",\"version\":\"7\"}],\"count\":\"1\"}");
        }
    }

    @Test
    void oneSecurePortSpeaksGrpcAndHttp() throws Exception {
        DevCertificates ca = PortFixture.authority(directory);
        TlsFiles client = ca.createClient("c");
        try (PortFixture fixture =
                PortFixture.secure(ca.createServer("n1", "n1", "localhost"), PortFixture.LIMITS)) {
            assertThat(fixture.grpc(client, true).range(RANGE).getCount()).isEqualTo(1);
            assertThat(
                            fixture.http(
                                            PortFixture.context(client, true),
                                            "/v3/kv/range",
                                            RANGE_JSON)
                                    .statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void aClientThatOffersBothProtocolsGetsHttp2() throws Exception {
        DevCertificates ca = PortFixture.authority(directory);
        TlsFiles client = ca.createClient("c");
        try (PortFixture fixture =
                PortFixture.secure(ca.createServer("n1", "n1", "localhost"), PortFixture.LIMITS)) {
            try (SSLSocket both =
                            PortFixture.secured(
                                    fixture.socket(),
                                    PortFixture.context(client, false),
                                    "h2",
                                    "http/1.1");
                    SSLSocket old =
                            PortFixture.secured(
                                    fixture.socket(),
                                    PortFixture.context(client, false),
                                    "http/1.1")) {
                assertThat(both.getApplicationProtocol()).isEqualTo("h2");
                assertThat(old.getApplicationProtocol()).isEqualTo("http/1.1");
            }
        }
    }

    @Test
    void withoutACertificateOnlyHealthIsAnswered() throws Exception {
        DevCertificates ca = PortFixture.authority(directory);
        TlsFiles client = ca.createClient("c");
        try (PortFixture fixture =
                PortFixture.secure(ca.createServer("n1", "n1", "localhost"), PortFixture.LIMITS)) {
            KVGrpc.KVBlockingStub stub = fixture.grpc(client, false);
            var bare = PortFixture.context(client, false);

            for (String open :
                    new String[] {"/healthz", "/readyz", "/livez", "/health", "/version"}) {
                assertThat(fixture.http(bare, open, null).statusCode()).as(open).isEqualTo(200);
            }
            HttpResponse<String> json = fixture.http(bare, "/v3/kv/range", RANGE_JSON);
            assertThat(json.statusCode()).isEqualTo(401);
            assertThat(JsonParser.parseString(json.body()).getAsJsonObject().get("code").getAsInt())
                    .isEqualTo(Status.Code.UNAUTHENTICATED.value());
            assertThatThrownBy(() -> stub.range(RANGE))
                    .isInstanceOfSatisfying(
                            StatusRuntimeException.class,
                            e -> {
                                assertThat(e.getStatus().getCode())
                                        .isEqualTo(Status.Code.UNAUTHENTICATED);
                                assertThat(e.getStatus().getDescription())
                                        .contains("client certificate is required");
                            });
        }
    }

    @Test
    void foreignAndExpiredCertificatesAreRefused() throws Exception {
        DevCertificates ca = PortFixture.authority(directory.resolve("ca"));
        DevCertificates foreign = PortFixture.authority(directory.resolve("foreign"));
        DevCertificates past =
                DevCertificates.createCa(
                        directory.resolve("past"), Instant.now().minus(Duration.ofDays(700)));
        TlsFiles server = ca.createServer("n1", "n1", "localhost");
        TlsFiles expired = past.createClient("x");
        Path both = directory.resolve("both.crt");
        Files.writeString(both, Files.readString(server.ca()) + Files.readString(expired.ca()));
        try (PortFixture fixture =
                PortFixture.secure(
                        new TlsFiles(server.chain(), server.key(), both), PortFixture.LIMITS)) {
            TlsFiles stranger = foreign.createClient("x");
            TlsFiles good = ca.createClient("c");

            for (TlsFiles bad : new TlsFiles[] {stranger, expired}) {
                TlsFiles presented = new TlsFiles(bad.chain(), bad.key(), server.ca());
                assertThatThrownBy(() -> fixture.grpc(presented, true).range(RANGE))
                        .isInstanceOfSatisfying(
                                StatusRuntimeException.class,
                                e ->
                                        assertThat(e.getStatus().getCode())
                                                .isEqualTo(Status.Code.UNAVAILABLE));
            }
            assertThat(fixture.grpc(good, true).range(RANGE).getCount()).isEqualTo(1);
        }
    }

    @Test
    void aRotationUnderLoadFailsNothing() throws Exception {
        DevCertificates ca = PortFixture.authority(directory);
        TlsFiles client = ca.createClient("c");
        TlsFiles first = ca.createServer("n1", "n1", "localhost");
        TlsFiles second = ca.createServer("n2", "n2", "localhost");
        try (PortFixture fixture = PortFixture.secure(first, PortFixture.LIMITS)) {
            KVGrpc.KVBlockingStub lasting = KVGrpc.newBlockingStub(fixture.channel(client, true));
            AtomicBoolean done = new AtomicBoolean();
            AtomicInteger answered = new AtomicInteger();
            CompletableFuture<Void> load =
                    CompletableFuture.runAsync(() -> {
                        while (!done.get()) {
                            lasting.range(RANGE);
                            answered.incrementAndGet();
                        }
                    });

            for (int i = 0; i < 6; i++) {
                TlsFiles next = i % 2 == 0 ? second : first;
                fixture.tls.swap(TlsMaterial.load(next));
                assertThat(certificateSerial(fixture, client))
                        .isEqualTo(TlsMaterial.load(next).chain().getFirst().getSerialNumber());
                assertThat(fixture.grpc(client, true).range(RANGE).getCount()).isEqualTo(1);
            }
            done.set(true);

            load.join();
            assertThat(answered).hasPositiveValue();
        }
    }

    private static java.math.BigInteger certificateSerial(PortFixture fixture, TlsFiles client)
            throws IOException {
        try (SSLSocket socket =
                PortFixture.secured(
                        fixture.socket(), PortFixture.context(client, true), "http/1.1")) {
            return ((java.security.cert.X509Certificate)
                            socket.getSession().getPeerCertificates()[0])
                    .getSerialNumber();
        }
    }

    @Test
    void aStoppingPortFinishesTheAnswerUnderWay() throws Exception {
        try (PortFixture fixture = PortFixture.plain(PortFixture.LIMITS)) {
            CompletableFuture<HttpResponse<String>> put =
                    CompletableFuture.supplyAsync(() -> {
                        try {
                            return fixture.http(null, "/v3/kv/put", RANGE_JSON);
                        } catch (IOException | InterruptedException e) {
                            throw new IllegalStateException(e);
                        }
                    });
            org.awaitility.Awaitility.await().until(() -> fixture.node.putsWaiting.get() == 1);

            fixture.port.shutdown();
            fixture.node.putMayEnd.countDown();

            assertThat(put.join().statusCode()).isEqualTo(200);
            assertThat(fixture.port.drain(Duration.ofSeconds(20))).isTrue();
        }
    }
}
