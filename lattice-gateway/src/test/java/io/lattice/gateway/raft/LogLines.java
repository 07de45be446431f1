package io.lattice.gateway.raft;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.util.List;
import java.util.function.Predicate;
import org.slf4j.LoggerFactory;

/// What a class logs from now on.
final class LogLines implements AutoCloseable {
    private final Logger logger;
    private final ListAppender<ILoggingEvent> lines = new ListAppender<>();

    private LogLines(Logger logger) {
        this.logger = logger;
    }

    static LogLines of(Class<?> logging) {
        LogLines log = new LogLines((Logger) LoggerFactory.getLogger(logging));
        log.lines.start();
        log.logger.addAppender(log.lines);
        return log;
    }

    /// As [#of], with what it logs at INFO, whatever the tests' configuration says.
    static LogLines ofAll(Class<?> logging) {
        LogLines log = of(logging);
        log.logger.setLevel(Level.INFO);
        return log;
    }

    /// Lines that contain this.
    long countWith(String part) {
        return count(line -> line.contains(part));
    }

    /// Lines that begin so.
    long count(String start) {
        return count(line -> line.startsWith(start));
    }

    private long count(Predicate<String> which) {
        return List.copyOf(lines.list).stream()
                .map(ILoggingEvent::getFormattedMessage)
                .filter(which)
                .count();
    }

    @Override
    public void close() {
        logger.detachAppender(lines);
        logger.setLevel(null);
        lines.stop();
    }
}
