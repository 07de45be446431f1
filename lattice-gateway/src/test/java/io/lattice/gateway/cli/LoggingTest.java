package io.lattice.gateway.cli;

import static net.logstash.logback.argument.StructuredArguments.keyValue;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.util.ContextInitializer;
import ch.qos.logback.core.joran.spi.JoranException;
import com.google.gson.JsonParser;
import io.lattice.gateway.config.HostPort;
import io.lattice.gateway.config.LatticeConfig.AuditLog;
import io.lattice.gateway.config.LatticeConfig.LogLevel;
import io.lattice.gateway.config.LatticeConfig.Telemetry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.slf4j.LoggerFactory;

/// Takes the place of standard output, which is the whole process's.
@Isolated
class LoggingTest {
    private final PrintStream console = System.out;
    private final ByteArrayOutputStream captured = new ByteArrayOutputStream();

    @AfterEach
    void restore() throws JoranException {
        System.setOut(console);
        LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
        context.reset();
        new ContextInitializer(context).autoConfig();
    }

    @Test
    void plainLinesCarryLevelAndMessage() {
        String log = log(LogLevel.INFO, false);

        assertThat(log.lines())
                .singleElement()
                .asString()
                .matches("\\d{4}-\\d\\d-\\d\\dT.* INFO  b \\[.*] own info");
    }

    @Test
    void jsonLinesAreObjects() {
        String log = log(LogLevel.INFO, true);

        assertThat(log.lines())
                .singleElement()
                .asString()
                .startsWith("{")
                .endsWith("}")
                .contains("\"message\":\"own info\"", "\"level\":\"INFO\"");
    }

    @Test
    void librariesAreHeardFromDebugOn() {
        assertThat(log(LogLevel.DEBUG, false)).contains("own debug", "library info");
    }

    @Test
    void javaLoggingGoesTheSameWay() {
        log(LogLevel.INFO, false);

        java.util.logging.Logger.getLogger("org.library").warning("library warning");
        java.util.logging.Logger.getLogger("org.library").info("library info");

        assertThat(captured.toString(StandardCharsets.UTF_8))
                .contains("WARN  library")
                .doesNotContain("library info");
    }

    @Test
    void theAuditLogIsAFileOfJsonLinesAndNothingElse(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("logs/audit.log");
        System.setOut(new PrintStream(captured, true, StandardCharsets.UTF_8));
        Logging.configure(
                new Telemetry(
                        true,
                        new HostPort("127.0.0.1", 9090),
                        LogLevel.ERROR,
                        false,
                        Duration.ZERO,
                        new AuditLog(file, false, 1 << 20, 2)));

        LoggerFactory.getLogger("lattice.audit").info("{}", keyValue("who", "client"));

        assertThat(Files.readAllLines(file))
                .singleElement()
                .asString()
                .startsWith("{")
                .contains("\"who\":\"client\"");
        assertThat(captured.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void theAuditLogMovesOnBySizeAndKeepsSoManyOlderFiles(@TempDir Path directory)
            throws IOException {
        Path file = directory.resolve("audit.log");
        Path oldest = directory.resolve("audit.log.2");
        int bytesMax = 1 << 20;
        String filling = "x".repeat(1_000);
        Logging.configure(
                new Telemetry(
                        true,
                        new HostPort("127.0.0.1", 9090),
                        LogLevel.ERROR,
                        false,
                        Duration.ZERO,
                        new AuditLog(file, false, bytesMax, 2)));
        AtomicInteger lines = new AtomicInteger();
        Runnable fillOne =
                () -> {
                    for (int i = 0; i < 100; i++) {
                        LoggerFactory.getLogger("lattice.audit")
                                .info(
                                        "{} {}",
                                        keyValue("line", lines.incrementAndGet()),
                                        keyValue("filling", filling));
                    }
                };

        Awaitility.await()
                .pollInterval(Duration.ofMillis(20))
                .until(() -> {
                    fillOne.run();
                    return Files.exists(oldest)
                            && !Files.readString(oldest).contains("\"line\":1,");
                });

        try (Stream<Path> files = Files.list(directory)) {
            assertThat(files).hasSize(3);
        }
        assertThat(Files.size(oldest)).isGreaterThanOrEqualTo(bytesMax);
        int next = 0;
        for (Path part : List.of(oldest, directory.resolve("audit.log.1"), file)) {
            for (String line : Files.readAllLines(part)) {
                int number = JsonParser.parseString(line).getAsJsonObject().get("line").getAsInt();
                assertThat(number).isEqualTo(next == 0 ? number : next);
                next = number + 1;
            }
        }
        assertThat(next).isEqualTo(lines.get() + 1);
    }

    @Test
    void withoutAnAuditLogNothingIsWrittenDown() {
        log(LogLevel.TRACE, false);
        captured.reset();

        LoggerFactory.getLogger("lattice.audit").info("who");

        assertThat(captured.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void errorSilencesTheRest() {
        assertThat(log(LogLevel.ERROR, false)).isEmpty();
    }

    private String log(LogLevel level, boolean json) {
        System.setOut(new PrintStream(captured, true, StandardCharsets.UTF_8));
        Logging.configure(
                new Telemetry(
                        false, new HostPort("127.0.0.1", 9090), level, json, Duration.ZERO, null));
        LoggerFactory.getLogger("io.lattice.a.b").info("own info");
        LoggerFactory.getLogger("io.lattice.a.b").debug("own debug");
        LoggerFactory.getLogger("org.library").info("library info");
        return captured.toString(StandardCharsets.UTF_8);
    }
}
