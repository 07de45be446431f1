package io.lattice.gateway.observability;

import static net.logstash.logback.argument.StructuredArguments.keyValue;

import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Logs calls that took long: name, duration, outcome and request id, nothing of what was asked or answered. At most ten lines
/// a second, since a node that is slow has enough to do; the next line says how many were left out. Runs on event loops.
public final class SlowRequests implements CallMetrics.CallListener {
    private static final Logger LOG = LoggerFactory.getLogger(SlowRequests.class);
    private static final int LINES_PER_SECOND_MAX = 10;

    private final long thresholdNanos;
    private final RequestIds ids;
    private final AtomicLong windowBeganNanos = new AtomicLong(System.nanoTime());
    private final AtomicLong inWindow = new AtomicLong();
    private final AtomicLong leftOut = new AtomicLong();

    /// @param threshold from which on a call is slow; zero: none is
    public SlowRequests(Duration threshold, RequestIds ids) {
        this.thresholdNanos = threshold.isZero() ? Long.MAX_VALUE : threshold.toNanos();
        this.ids = ids;
    }

    @Override
    public void ended(
            String method, Metadata headers, Status.Code code, long nanos, boolean streaming) {
        if (nanos < thresholdNanos || streaming) {
            return;
        }
        if (!mayLog()) {
            leftOut.incrementAndGet();
            return;
        }
        LOG.warn(
                "slow request: {} {} {} {} {}",
                keyValue("method", method),
                keyValue("duration_ms", TimeUnit.NANOSECONDS.toMillis(nanos)),
                keyValue("code", code),
                keyValue("request_id", ids.of(headers)),
                keyValue("left_out", leftOut.getAndSet(0)));
    }

    private boolean mayLog() {
        long now = System.nanoTime();
        long began = windowBeganNanos.get();
        if (now - began >= TimeUnit.SECONDS.toNanos(1)
                && windowBeganNanos.compareAndSet(began, now)) {
            inWindow.set(0);
        }
        return inWindow.incrementAndGet() <= LINES_PER_SECOND_MAX;
    }
}
