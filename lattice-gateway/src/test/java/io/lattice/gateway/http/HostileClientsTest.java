package io.lattice.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.lattice.gateway.security.DevCertificates;
import io.lattice.gateway.security.TlsFiles;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchGrpc;
import io.lattice.proto.etcdserverpb.WatchRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSocket;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Clients that are slow, broken or ill-meaning are cut off, and others are served meanwhile.
class HostileClientsTest {
    private static final RangeRequest RANGE =
            RangeRequest.newBuilder().setKey(ByteString.copyFromUtf8("k")).build();

    @TempDir Path directory;

    @ParameterizedTest
    @ValueSource(
            strings = {
                // Nothing, part of a preface, part of a head, part of a body.
                "",
                "PRI * HT",
                "GET /healthz HTTP/1.1\r\nHost:",
                "POST /v3/kv/range HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{\"key\""
            })
    void whatDoesNotGoOnIsCutOff(String sent) throws Exception {
        try (PortFixture fixture = PortFixture.plain(PortFixture.SHORT);
                Socket slow = fixture.socket()) {
            slow.getOutputStream().write(sent.getBytes(StandardCharsets.US_ASCII));

            assertThat(fixture.http(null, "/healthz", null).statusCode()).isEqualTo(200);
            assertThat(closes(slow)).isTrue();
        }
    }

    @Test
    void aHeadThatTricklesOnAKeptConnectionIsCutOff() throws Exception {
        Limits patient =
                new Limits(
                        5,
                        Duration.ofSeconds(60),
                        Duration.ofMillis(700),
                        Duration.ofMillis(700),
                        64 << 10);
        try (PortFixture fixture = PortFixture.plain(patient);
                Socket slow = fixture.socket()) {
            OutputStream out = slow.getOutputStream();
            out.write(
                    "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            assertThat(answer(slow)).startsWith("HTTP/1.1 200 OK");

            out.write("GET /hea".getBytes(StandardCharsets.US_ASCII));

            assertThat(closes(slow)).isTrue();
        }
    }

    @Test
    void anIdleConnectionIsClosed() throws Exception {
        try (PortFixture fixture = PortFixture.plain(PortFixture.SHORT);
                Socket idle = fixture.socket()) {
            idle.getOutputStream()
                    .write(
                            "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                                    .getBytes(StandardCharsets.US_ASCII));
            assertThat(answer(idle)).startsWith("HTTP/1.1 200 OK");

            assertThat(closes(idle)).isTrue();
        }
    }

    @Test
    void onTlsPlainTextGarbageAndSilenceAreCutOff() throws Exception {
        DevCertificates ca = PortFixture.authority(directory);
        TlsFiles client = ca.createClient("c");
        byte[] garbage = new byte[4096];
        new Random(5).nextBytes(garbage);
        try (PortFixture fixture =
                        PortFixture.secure(
                                ca.createServer("n1", "n1", "localhost"), PortFixture.SHORT);
                Socket plain = fixture.socket();
                Socket noise = fixture.socket();
                Socket silent = fixture.socket()) {
            plain.getOutputStream()
                    .write("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            noise.getOutputStream().write(garbage);

            assertThat(closes(plain)).isTrue();
            assertThat(closes(noise)).isTrue();
            assertThat(closes(silent)).isTrue();
            try (SSLSocket handshaken =
                    PortFixture.secured(
                            fixture.socket(), PortFixture.context(client, true), "http/1.1")) {
                assertThat(closes(handshaken)).isTrue();
            }
            assertThat(fixture.grpc(client, true).range(RANGE).getCount()).isEqualTo(1);
        }
    }

    @Test
    void randomBytesNeverStopThePort() throws Exception {
        Random random = new Random(7);
        try (PortFixture fixture = PortFixture.plain(PortFixture.LIMITS)) {
            for (int i = 0; i < 200; i++) {
                byte[] garbage = new byte[random.nextInt(2000)];
                random.nextBytes(garbage);
                try (Socket socket = fixture.socket()) {
                    if (i % 2 == 0) {
                        socket.getOutputStream()
                                .write(
                                        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                                .getBytes(StandardCharsets.US_ASCII));
                    }
                    socket.getOutputStream().write(garbage);
                } catch (IOException reset) {
                    assertThat(reset).isInstanceOf(java.net.SocketException.class);
                }
            }

            assertThat(fixture.http(null, "/healthz", null).statusCode()).isEqualTo(200);
            Awaitility.await().until(() -> fixture.port.openConnections() == 0);
        }
    }

    @Test
    void whatIsTooLargeIsRefused() throws Exception {
        try (PortFixture fixture = PortFixture.plain(PortFixture.SHORT)) {
            String body = "{\"key\":\"" + "A".repeat(2 * PortFixture.SHORT.messageBytes()) + "\"}";

            assertThat(fixture.http(null, "/v3/kv/range", body).statusCode()).isEqualTo(413);
            try (Socket socket = fixture.socket()) {
                OutputStream out = socket.getOutputStream();
                out.write("GET /healthz HTTP/1.1\r\nX: ".getBytes(StandardCharsets.US_ASCII));
                out.write("y".repeat(Limits.HEAD_BYTES_MAX).getBytes(StandardCharsets.US_ASCII));
                out.write("\r\n\r\n".getBytes(StandardCharsets.US_ASCII));

                assertThat(answer(socket)).startsWith("HTTP/1.1 431 ");
            }
        }
    }

    @Test
    void connectionsBeyondTheLimitAreClosedAtOnce() throws Exception {
        try (PortFixture fixture = PortFixture.plain(PortFixture.SHORT)) {
            List<Socket> open = new ArrayList<>();
            for (int i = 0; i < PortFixture.SHORT.connections(); i++) {
                open.add(fixture.socket());
            }
            Awaitility.await()
                    .until(() -> fixture.port.openConnections() == PortFixture.SHORT.connections());

            try (Socket further = fixture.socket()) {
                long begun = System.nanoTime();
                assertThat(closes(further)).isTrue();
                assertThat(Duration.ofNanos(System.nanoTime() - begun))
                        .isLessThan(PortFixture.SHORT.handshake());
            }
            for (Socket socket : open) {
                socket.close();
            }
            Awaitility.await().until(() -> fixture.port.openConnections() == 0);
            assertThat(fixture.http(null, "/healthz", null).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void aThousandWatchesCancelledAtOnceAreNotHostile() throws Exception {
        try (PortFixture fixture = PortFixture.plain(PortFixture.LIMITS)) {
            ManagedChannel channel = fixture.channel(null, false);
            List<io.grpc.Context.CancellableContext> watches = new ArrayList<>();
            for (int i = 0; i < 1000; i++) {
                var context = io.grpc.Context.current().withCancellation();
                watches.add(context);
                context.run(() ->
                        WatchGrpc.newStub(channel)
                                .watch(new Ignored())
                                .onNext(
                                        WatchRequest.newBuilder()
                                                .setCreateRequest(
                                                        WatchCreateRequest.getDefaultInstance())
                                                .build()));
            }
            Awaitility.await()
                    .atMost(20, TimeUnit.SECONDS)
                    .until(() -> fixture.node.openWatches.get() == 1000);

            watches.forEach(context -> context.cancel(null));

            Awaitility.await()
                    .atMost(20, TimeUnit.SECONDS)
                    .until(() -> fixture.node.openWatches.get() == 0);
            assertThat(KVGrpc.newBlockingStub(channel).range(RANGE).getCount()).isEqualTo(1);
            assertThat(fixture.port.openConnections()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"application/grpc", "application/json"})
    void aClientThatOpensAndResetsInALoopIsCutOff(String contentType) throws Exception {
        try (PortFixture fixture = PortFixture.plain(PortFixture.LIMITS);
                Socket socket = fixture.socket()) {
            OutputStream out = socket.getOutputStream();
            out.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            out.write(frame(4, 0, 0, new byte[0]));
            Thread drain = Thread.ofVirtual().start(() -> closesQuietly(socket));
            boolean cutOff = false;
            try {
                for (int i = 0; i < 10 * Limits.RESETS_PER_WINDOW_MAX; i++) {
                    out.write(openAndReset(2 * i + 1, contentType));
                }
                out.flush();
            } catch (IOException e) {
                cutOff = true;
            }

            drain.join(Duration.ofSeconds(20));
            assertThat(cutOff || !drain.isAlive()).isTrue();
            assertThat(fixture.grpc(null, false).range(RANGE).getCount()).isEqualTo(1);
        }
    }

    @Test
    void aHeadOfHttp2ThatDoesNotEndIsCutOff() throws Exception {
        try (PortFixture fixture = PortFixture.plain(PortFixture.SHORT);
                Socket slow = fixture.socket();
                Socket endless = fixture.socket()) {
            for (Socket socket : List.of(slow, endless)) {
                OutputStream out = socket.getOutputStream();
                out.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                out.write(frame(4, 0, 0, new byte[0]));
                // WINDOW_UPDATE, PRIORITY and PING may come first, and HEADERS without END_HEADERS.
                out.write(frame(8, 0, 0, new byte[] {0, 0, 0, 9}));
                out.write(frame(2, 0, 1, new byte[5]));
                out.write(frame(6, 0, 0, new byte[8]));
                out.write(frame(1, 0, 1, new byte[] {(byte) 0x82}));
            }
            boolean cutOff = false;
            try {
                byte[] further = frame(9, 0, 1, new byte[] {(byte) 0x84});
                for (int i = 0; i < 1_000_000; i++) {
                    endless.getOutputStream().write(further);
                }
            } catch (IOException e) {
                cutOff = true;
            }

            assertThat(cutOff).isTrue();
            assertThat(closes(slow)).isTrue();
            assertThat(fixture.http(null, "/healthz", null).statusCode()).isEqualTo(200);
        }
    }

    /// HEADERS with END_HEADERS for a call or another request, then RST_STREAM with CANCEL.
    private static byte[] openAndReset(int stream, String contentType) throws IOException {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        head.write(0x83); // :method POST
        head.write(0x86); // :scheme http
        literal(
                head,
                0x04, // :path
                contentType.endsWith("grpc") ? "/etcdserverpb.Watch/Watch" : "/v3/watch");
        literal(head, 0x01, "x"); // :authority
        literal(head, 0x0f, 0x10, contentType);
        ByteArrayOutputStream frames = new ByteArrayOutputStream();
        frames.write(frame(1, 4, stream, head.toByteArray()));
        frames.write(frame(3, 0, stream, new byte[] {0, 0, 0, 8}));
        return frames.toByteArray();
    }

    private static void literal(ByteArrayOutputStream out, int index, String value) {
        out.write(index);
        text(out, value);
    }

    /// A literal whose name has an index of two bytes.
    private static void literal(ByteArrayOutputStream out, int first, int second, String value) {
        out.write(first);
        out.write(second);
        text(out, value);
    }

    private static void text(ByteArrayOutputStream out, String value) {
        out.write(value.length());
        out.writeBytes(value.getBytes(StandardCharsets.US_ASCII));
    }

    private static byte[] frame(int type, int flags, int stream, byte[] payload)
            throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeByte(payload.length >> 16);
            out.writeShort(payload.length);
            out.writeByte(type);
            out.writeByte(flags);
            out.writeInt(stream);
            out.write(payload);
        }
        return bytes.toByteArray();
    }

    /// Reads what comes until the other side closes or resets; fails after the socket's time.
    private static boolean closes(Socket socket) throws IOException {
        try {
            InputStream in = socket.getInputStream();
            byte[] buffer = new byte[8192];
            while (in.read(buffer) >= 0) {
                // Whatever it is: the end counts.
            }
            return true;
        } catch (java.net.SocketTimeoutException e) {
            return false;
        } catch (java.net.SocketException | javax.net.ssl.SSLException e) {
            return true;
        }
    }

    private static void closesQuietly(Socket socket) {
        try {
            closes(socket);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String answer(Socket socket) throws IOException {
        byte[] buffer = new byte[4096];
        int length = socket.getInputStream().read(buffer);
        return length < 0 ? "" : new String(buffer, 0, length, StandardCharsets.US_ASCII);
    }

    private static final class Ignored implements StreamObserver<WatchResponse> {
        @Override
        public void onNext(WatchResponse response) {}

        @Override
        public void onError(Throwable error) {}

        @Override
        public void onCompleted() {}
    }
}
