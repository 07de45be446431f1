package io.lattice.gateway.observability;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class SlowRequestsTest {
    private static final Metadata.Key<String> ID =
            Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER);

    private final Logger logger = (Logger) LoggerFactory.getLogger(SlowRequests.class);
    private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
    private final SlowRequests slow = new SlowRequests(Duration.ofMillis(100), new RequestIds());

    @BeforeEach
    void listen() {
        lines.start();
        logger.setLevel(Level.WARN);
        logger.addAppender(lines);
    }

    @AfterEach
    void stopListening() {
        logger.detachAppender(lines);
    }

    @Test
    void aSlowCallIsLoggedUnderTheClientsNameForIt() {
        Metadata headers = new Metadata();
        headers.put(ID, "from-the-client");

        end(slow, headers, 100, false);

        assertThat(lines.list)
                .singleElement()
                .extracting(ILoggingEvent::getFormattedMessage)
                .asString()
                .contains(
                        "method=etcdserverpb.KV/Put",
                        "duration_ms=100",
                        "code=UNAVAILABLE",
                        "request_id=from-the-client");
    }

    @Test
    void aNameThatIsMadeUpStaysWithTheCall() {
        Metadata headers = new Metadata();

        end(slow, headers, 100, false);

        assertThat(headers.get(ID)).isNotBlank();
        assertThat(lines.list.getFirst().getFormattedMessage())
                .contains("request_id=" + headers.get(ID));
    }

    @Test
    void fastCallsAndStreamsAreNotLogged() {
        end(slow, new Metadata(), 99, false);
        end(slow, new Metadata(), 5_000, true);
        end(new SlowRequests(Duration.ZERO, new RequestIds()), new Metadata(), 5_000, false);

        assertThat(lines.list).isEmpty();
    }

    @Test
    void aFloodIsCutToTenLinesASecond() {
        for (int i = 0; i < 1_000; i++) {
            end(slow, new Metadata(), 100, false);
        }

        // A second may end in between, not three.
        assertThat(lines.list.size()).isBetween(10, 40);
    }

    private static void end(SlowRequests slow, Metadata headers, long ms, boolean streaming) {
        slow.ended(
                "etcdserverpb.KV/Put",
                headers,
                Status.Code.UNAVAILABLE,
                TimeUnit.MILLISECONDS.toNanos(ms),
                streaming);
    }
}
