package io.lattice.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.filter.ThresholdFilter;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.code_intelligence.jazzer.api.BugDetectors;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.slf4j.LoggerFactory;

/// Any bytes on the client port, in plain text, from the entrance on: HTTP/1.1, HTTP/2, or neither. The port answers what it can
/// and closes, nothing is thrown that somebody would have to look at, and no connection stays.
class ClientPortFuzzTest {
    private static final Logger ROOT =
            (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    private static final ListAppender<ILoggingEvent> WARNINGS = new ListAppender<>();

    private static PortFixture fixture;

    @BeforeAll
    static void open() throws IOException {
        fixture = PortFixture.plain(PortFixture.LIMITS);
        fixture.node.putMayEnd.countDown();
        ThresholdFilter warnings = new ThresholdFilter();
        warnings.setLevel(Level.WARN.toString());
        warnings.start();
        WARNINGS.list = new CopyOnWriteArrayList<>();
        WARNINGS.addFilter(warnings);
        WARNINGS.start();
        ROOT.addAppender(WARNINGS);
    }

    @AfterAll
    static void close() throws InterruptedException {
        ROOT.detachAppender(WARNINGS);
        fixture.close();
    }

    @FuzzTest(maxDuration = "5s")
    void anyBytes(byte[] sent) throws IOException {
        BugDetectors.allowNetworkConnections((host, port) -> port == fixture.port.port());
        byte[] answer = new byte[0];
        try (Socket socket = fixture.socket()) {
            socket.getOutputStream().write(sent);
            socket.shutdownOutput();
            answer = socket.getInputStream().readAllBytes();
        } catch (SocketException reset) {
            // Closed while bytes were on their way, which is an answer too.
            assertThat(sent).isNotEmpty();
        }

        assertThat(new String(answer, StandardCharsets.ISO_8859_1))
                .doesNotStartWith("HTTP/1.1 500");
        assertThat(WARNINGS.list).isEmpty();
    }
}
