package io.lattice.gateway.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.rolling.FixedWindowRollingPolicy;
import ch.qos.logback.core.rolling.RollingFileAppender;
import ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy;
import ch.qos.logback.core.util.Duration;
import ch.qos.logback.core.util.FileSize;
import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.config.LatticeConfig.LogLevel;
import io.lattice.gateway.config.LatticeConfig.Telemetry;
import io.lattice.gateway.observability.AuditLog;
import net.logstash.logback.encoder.LogstashEncoder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/// Sets up logging: to standard output, for the service manager or container to keep.
final class Logging {
    private static final String OWN = "io.lattice";
    private static final long AUDIT_SIZE_CHECK_MS = 100;
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
        auditLog(context, telemetry.auditLog());
        redirectJavaLogging(telemetry.logLevel());
    }

    /// For commands that print their results: libraries keep quiet.
    static void errorsOnly() {
        LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
        context.getLogger(Logger.ROOT_LOGGER_NAME).setLevel(Level.ERROR);
        redirectJavaLogging(LogLevel.ERROR);
    }

    /// The audit log goes to a file of its own, whatever the level.
    private static void auditLog(LoggerContext context, LatticeConfig.@Nullable AuditLog audit) {
        ch.qos.logback.classic.Logger logger = context.getLogger(AuditLog.LOGGER);
        logger.setAdditive(false);
        logger.setLevel(audit == null ? Level.OFF : Level.INFO);
        if (audit == null) {
            return;
        }
        LogstashEncoder encoder = new LogstashEncoder();
        encoder.setContext(context);
        encoder.start();
        RollingFileAppender<ILoggingEvent> file = new RollingFileAppender<>();
        file.setContext(context);
        file.setName("audit");
        file.setFile(audit.path().toString());
        file.setEncoder(encoder);
        FixedWindowRollingPolicy older = new FixedWindowRollingPolicy();
        older.setContext(context);
        older.setParent(file);
        older.setFileNamePattern(audit.path() + ".%i");
        older.setMinIndex(1);
        older.setMaxIndex(audit.filesMax());
        older.start();
        SizeBasedTriggeringPolicy<ILoggingEvent> size = new SizeBasedTriggeringPolicy<>();
        size.setContext(context);
        size.setMaxFileSize(new FileSize(audit.bytesMax()));
        // By default it looks once a minute, in which a busy node writes far more.
        size.setCheckIncrement(Duration.buildByMilliseconds(AUDIT_SIZE_CHECK_MS));
        size.start();
        file.setRollingPolicy(older);
        file.setTriggeringPolicy(size);
        file.start();
        logger.addAppender(file);
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
