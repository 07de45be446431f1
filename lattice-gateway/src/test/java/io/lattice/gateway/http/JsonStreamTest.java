package io.lattice.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A client sends messages into a stream of the JSON gateway while it is answered.
class JsonStreamTest {
    private static final String CREATE = "{\"create_request\":{\"key\":\"aw==\"}}";

    private static final Limits SHORT =
            new Limits(
                    5,
                    Duration.ofSeconds(60),
                    Duration.ofMillis(700),
                    Duration.ofMillis(700),
                    64 << 10);

    private PortFixture fixture;

    private void open(Limits limits) throws IOException {
        fixture = PortFixture.plain(limits);
    }

    @AfterEach
    void close() throws InterruptedException {
        fixture.close();
    }

    /// A stream of either protocol.
    private interface Stream extends AutoCloseable {
        void send(String text) throws Exception;

        void endBody() throws Exception;

        /// The next line of the answer; null at its end.
        String line() throws Exception;

        String status() throws Exception;

        @Override
        void close() throws Exception;
    }

    private Stream stream(int version, String path) throws Exception {
        return version == 2 ? new OverHttp2(path) : new OverHttp1(path);
    }

    private final class OverHttp2 implements Stream {
        private final Http2Client client = new Http2Client(fixture.port.port());
        private final Http2Client.Stream stream;

        OverHttp2(String path) throws InterruptedException {
            stream = client.open(Http2Client.head("POST", path), false);
        }

        @Override
        public void send(String text) {
            stream.send(text);
        }

        @Override
        public void endBody() {
            stream.send(new byte[0], true);
        }

        @Override
        public String line() throws Exception {
            return stream.line();
        }

        @Override
        public String status() throws Exception {
            return stream.status();
        }

        @Override
        public void close() throws InterruptedException {
            client.close();
        }
    }

    private final class OverHttp1 implements Stream {
        private final Socket socket = fixture.socket();
        private final BufferedReader in =
                new BufferedReader(
                        new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
        private String status;

        OverHttp1(String path) throws IOException {
            write("POST " + path + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        }

        private void write(String text) throws IOException {
            OutputStream out = socket.getOutputStream();
            out.write(text.getBytes(StandardCharsets.UTF_8));
            out.flush();
        }

        @Override
        public void send(String text) throws IOException {
            int length = text.getBytes(StandardCharsets.UTF_8).length;
            write(Integer.toHexString(length) + "\r\n" + text + "\r\n");
        }

        @Override
        public void endBody() throws IOException {
            write("0\r\n\r\n");
        }

        @Override
        public String status() throws IOException {
            if (status == null) {
                status = in.readLine().split(" ")[1];
            }
            return status;
        }

        @Override
        public String line() throws IOException {
            String line = in.readLine();
            while (line != null && !line.startsWith("{")) {
                if (line.equals("0")) {
                    return null;
                }
                if (line.startsWith("HTTP/1.1 ")) {
                    status = line.split(" ")[1];
                }
                line = in.readLine();
            }
            return line;
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    private static String created(int id) {
        return "{\"result\":{\"watch_id\":\"%d\",\"created\":true}}".formatted(id);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void eachMessageIsAnsweredAsItComes(int version) throws Exception {
        open(PortFixture.LIMITS);
        try (Stream stream = stream(version, "/v3/watch")) {
            stream.send(CREATE);
            assertThat(stream.line()).isEqualTo(created(1));
            stream.send(CREATE + " " + CREATE + "\n{\"create_");
            assertThat(stream.line()).isEqualTo(created(2));
            assertThat(stream.line()).isEqualTo(created(3));
            stream.send("request\":{\"key\":\"\\u0061}\"");
            stream.send("}}");
            assertThat(stream.line()).startsWith("{\"error\":{\"code\":3,");
            Awaitility.await().until(() -> fixture.node.openWatches.get() == 0);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void theServiceIsToldOfTheBodysEndAndTheStreamGoesOn(int version) throws Exception {
        open(PortFixture.LIMITS);
        try (Stream stream = stream(version, "/v3/watch")) {
            stream.send(CREATE);
            assertThat(stream.line()).isEqualTo(created(1));
            assertThat(fixture.node.endedWatches).hasValue(0);

            stream.endBody();

            Awaitility.await().until(() -> fixture.node.endedWatches.get() == 1);
            assertThat(fixture.node.openWatches).hasValue(1);
        }
        Awaitility.await().until(() -> fixture.node.openWatches.get() == 0);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aMessageThatCannotBeReadEndsTheStream(int version) throws Exception {
        open(PortFixture.LIMITS);
        for (String bad : List.of("{\"create_request\":5}", "[1]", "{\"create_request\":")) {
            try (Stream stream = stream(version, "/v3/watch")) {
                stream.send(bad);
                stream.endBody();
                assertThat(stream.line()).as(bad).startsWith("{\"error\":{\"code\":3,");
                assertThat(stream.status()).isEqualTo("400");
            }
        }
        Awaitility.await().until(() -> fixture.node.openWatches.get() == 0);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aMessageThatIsNotCompleteInTimeEndsTheStream(int version) throws Exception {
        open(SHORT);
        try (Stream mute = stream(version, "/v3/watch");
                Stream slow = stream(version, "/v3/watch");
                Stream honest = stream(version, "/v3/watch")) {
            honest.send(CREATE);
            assertThat(honest.line()).isEqualTo(created(1));
            slow.send(CREATE + "{\"create");
            assertThat(slow.line()).isEqualTo(created(1));

            assertThat(slow.line()).startsWith("{\"error\":{\"code\":4,");
            assertThat(mute.line()).startsWith("{\"error\":{\"code\":4,");
            assertThat(mute.status()).isEqualTo("408");
            honest.send(CREATE);
            assertThat(honest.line()).isEqualTo(created(2));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aMessageThatIsTooLargeEndsTheStreamAndManySmallOnesDoNot(int version) throws Exception {
        open(SHORT);
        String padding = " ".repeat(SHORT.bodyBytes() / 2);
        try (Stream stream = stream(version, "/v3/watch");
                Stream large = stream(version, "/v3/watch")) {
            for (int i = 1; i <= 6; i++) {
                stream.send(CREATE + padding);
                assertThat(stream.line()).isEqualTo(created(i));
            }
            large.send("{\"a\":\"" + "x".repeat(SHORT.bodyBytes()));
            assertThat(large.line()).startsWith("{\"error\":{\"code\":8,");
            assertThat(large.status()).isEqualTo("413");
        }
    }

    @Test
    void whatAServiceDoesNotTakeIsNotRead() throws Exception {
        open(PortFixture.LIMITS);
        fixture.node.takesOneWatch = true;
        try (Http2Client client = new Http2Client(fixture.port.port())) {
            Http2Client.Stream stream = client.open(Http2Client.head("POST", "/v3/watch"), false);
            byte[] many = CREATE.repeat(40_000).getBytes(StandardCharsets.UTF_8);
            stream.send(many, false);
            assertThat(many.length).isGreaterThan(Limits.FLOW_CONTROL_WINDOW_BYTES);

            assertThat(stream.line()).isEqualTo(created(1));
            Awaitility.await()
                    .during(Duration.ofMillis(300))
                    .until(() -> !stream.hasLine() && !stream.sentAll());

            fixture.node.takesOneWatch = false;
            fixture.node.takeMore();
            Awaitility.await().atMost(Duration.ofSeconds(30)).until(stream::sentAll);
        }
    }

    @Test
    void afterAStreamThatEndsEarlyTheConnectionIsUsedAgain() throws Exception {
        open(PortFixture.LIMITS);
        String refused = "POST /v3/watch HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n[1] ";
        try (Socket socket = fixture.socket()) {
            OutputStream out = socket.getOutputStream();
            BufferedReader in =
                    new BufferedReader(
                            new InputStreamReader(
                                    socket.getInputStream(), StandardCharsets.US_ASCII));
            out.write(refused.getBytes(StandardCharsets.US_ASCII));
            assertThat(in.readLine()).isEqualTo("HTTP/1.1 400 Bad Request");

            out.write(
                    "12345678GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));

            List<String> rest = new ArrayList<>(in.lines().toList());
            assertThat(rest).contains("HTTP/1.1 200 OK", "ok");
        }
    }
}
