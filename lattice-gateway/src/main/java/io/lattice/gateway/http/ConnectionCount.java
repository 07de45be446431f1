package io.lattice.gateway.http;

import io.netty.channel.Channel;
import java.util.concurrent.atomic.AtomicInteger;

/// Counts the open connections of the port, up to a bound. Thread-safe.
final class ConnectionCount {
    private final int max;
    private final AtomicInteger open = new AtomicInteger();

    ConnectionCount(int max) {
        this.max = max;
    }

    /// Counts a connection until it is closed.
    ///
    /// @return false if there are too many; it isn't counted
    boolean enter(Channel channel) {
        if (open.incrementAndGet() > max) {
            open.decrementAndGet();
            return false;
        }
        channel.closeFuture().addListener(closed -> open.decrementAndGet());
        return true;
    }

    int open() {
        return open.get();
    }
}
