package io.lattice.gateway.http;

import io.netty.channel.Channel;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Counts the open connections of the port, up to a bound, and says in the log when it refuses some, but not each. Thread-safe.
final class ConnectionCount {
    private static final Logger LOG = LoggerFactory.getLogger(ConnectionCount.class);
    private static final long REPORT_NANOS = Duration.ofSeconds(10).toNanos();

    private final int max;
    private final AtomicInteger open = new AtomicInteger();
    private final AtomicLong refused = new AtomicLong();
    private final AtomicLong reportedNanos = new AtomicLong(System.nanoTime() - REPORT_NANOS);

    ConnectionCount(int max) {
        this.max = max;
    }

    /// Counts a connection until it is closed.
    ///
    /// @return false if there are too many; it isn't counted
    boolean enter(Channel channel) {
        if (open.incrementAndGet() > max) {
            open.decrementAndGet();
            refused(channel);
            return false;
        }
        channel.closeFuture().addListener(closed -> open.decrementAndGet());
        return true;
    }

    private void refused(Channel channel) {
        refused.incrementAndGet();
        long now = System.nanoTime();
        long before = reportedNanos.get();
        if (now - before >= REPORT_NANOS && reportedNanos.compareAndSet(before, now)) {
            LOG.warn(
                    "client port: {} connections are open, as many as max_connections allows: {} more were closed at once, the last from {}",
                    max,
                    refused.getAndSet(0),
                    channel.remoteAddress());
        }
    }

    int open() {
        return open.get();
    }
}
