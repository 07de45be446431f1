package io.lattice.gateway.observability;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.api.BugDetectors;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/// Any bytes on the metrics port: it answers or closes, and the next scrape gets its page.
class TelemetryFuzzTest {
    private static final int SILENCE_MS_MAX = 20_000;
    private static final String SCRAPE =
            "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    private static TelemetryServer server;

    @BeforeAll
    static void open() throws IOException {
        server =
                TelemetryServer.start(
                        new InetSocketAddress("127.0.0.1", 0),
                        Map.of("/metrics", new TelemetryServer.Page("text/plain", () -> "up 1\n")));
    }

    @AfterAll
    static void close() {
        server.close();
    }

    @FuzzTest(maxDuration = "5s")
    void anyBytes(byte[] sent) throws IOException {
        BugDetectors.allowNetworkConnections((host, port) -> port == server.port());
        try {
            assertThat(exchange(sent)).doesNotStartWith("HTTP/1.1 500");
        } catch (SocketException reset) {
            // Closed while bytes were on their way, which is an answer too.
            assertThat(sent).isNotEmpty();
        }

        assertThat(exchange(SCRAPE.getBytes(StandardCharsets.US_ASCII)))
                .startsWith("HTTP/1.1 200 OK\r\n")
                .endsWith("\r\n\r\nup 1\n");
    }

    private static String exchange(byte[] sent) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", server.port())) {
            socket.setSoTimeout(SILENCE_MS_MAX);
            socket.getOutputStream().write(sent);
            socket.shutdownOutput();
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }
}
