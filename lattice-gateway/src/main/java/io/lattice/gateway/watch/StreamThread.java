package io.lattice.gateway.watch;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.internal.ThreadExecutorMap;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The one thread that a stream belongs to: the event loop of its connection, so that what is sent needs no further hand-over
/// and everything sent in one turn is flushed at once.
final class StreamThread {
    private static final Logger LOG = LoggerFactory.getLogger(StreamThread.class);

    private final ScheduledExecutorService executor;
    private final BooleanSupplier inside;

    /// @param executor has a single thread
    /// @param inside whether the caller is on it
    StreamThread(ScheduledExecutorService executor, BooleanSupplier inside) {
        this.executor = executor;
        this.inside = inside;
    }

    /// The event loop that the caller runs on, as gRPC's callbacks do when the server has a direct executor. gRPC doesn't say
    /// which one that is, but netty knows for each of its threads.
    static StreamThread current() {
        EventExecutor loop = ThreadExecutorMap.currentExecutor();
        if (loop == null) {
            throw new IllegalStateException("a stream was opened outside of an event loop");
        }
        return new StreamThread(loop, loop::inEventLoop);
    }

    /// Runs at once if the caller is on the thread, else later. Never throws on behalf of a connection that is gone.
    void run(Runnable part) {
        if (inside.getAsBoolean()) {
            part.run();
        } else {
            later(part);
        }
    }

    /// Runs after what is under way.
    void later(Runnable part) {
        try {
            executor.execute(part);
        } catch (RejectedExecutionException e) {
            // The loop ends with the server, and the stream with it.
            LOG.debug("a watch stream's event loop has ended", e);
        }
    }

    /// Runs after a while.
    Future<?> schedule(Runnable part, long nanos) {
        return executor.schedule(part, nanos, TimeUnit.NANOSECONDS);
    }
}
