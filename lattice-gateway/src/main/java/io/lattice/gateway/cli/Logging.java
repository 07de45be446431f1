package io.lattice.gateway.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import io.lattice.gateway.config.LatticeConfig.LogLevel;
import io.lattice.gateway.config.LatticeConfig.Telemetry;
import net.logstash.logback.encoder.LogstashEncoder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/// Sets up logging: to standard output, for the service manager or container to keep.
final class Logging {
    private static final String OWN = "io.lattice";
    private static final String PLAIN =
            "%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5level %logger{0} [%thread] %msg%n";

    private Logging() {}

    /// Replaces whatever logging is set up. Own messages are logged from the configured level; the
    /// libraries' from warnings, unless the level is debug or trace.
    static void configure(Telemetry telemetry) {
        LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
        context.reset();
        Encoder<ILoggingEvent> encoder =
                telemetry.jsonLogs() ? new LogstashEncoder() : plainEncoder();
        encoder.setContext(context);
        encoder.start();
        ConsoleAppender<ILoggingEvent> appender = new ConsoleAppender<>();
        appender.setContext(context);
        appender.setName("console");
        appender.setEncoder(encoder);
        appender.start();

        ch.qos.logback.classic.Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
        root.addAppender(appender);
        root.setLevel(libraryLevel(telemetry.logLevel()));
        context.getLogger(OWN).setLevel(level(telemetry.logLevel()));
        redirectJavaLogging(telemetry.logLevel());
    }

    /// gRPC logs by java.util.logging. Its level is set there too, so that nothing is built in vain.
    private static void redirectJavaLogging(LogLevel level) {
        SLF4JBridgeHandler.removeHandlersForRootLogger();
        SLF4JBridgeHandler.install();
        java.util.logging.Logger.getLogger("")
                .setLevel(
                        switch (level) {
                            case ERROR -> java.util.logging.Level.SEVERE;
                            case WARN, INFO -> java.util.logging.Level.WARNING;
                            case DEBUG -> java.util.logging.Level.FINE;
                            case TRACE -> java.util.logging.Level.FINEST;
                        });
    }

    private static PatternLayoutEncoder plainEncoder() {
        PatternLayoutEncoder encoder = new PatternLayoutEncoder();
        encoder.setPattern(PLAIN);
        return encoder;
    }

    private static Level level(LogLevel level) {
        return switch (level) {
            case ERROR -> Level.ERROR;
            case WARN -> Level.WARN;
            case INFO -> Level.INFO;
            case DEBUG -> Level.DEBUG;
            case TRACE -> Level.TRACE;
        };
    }

    private static Level libraryLevel(LogLevel level) {
        return level == LogLevel.INFO ? Level.WARN : level(level);
    }
}
