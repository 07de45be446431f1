package io.lattice.gateway.watch;

import io.grpc.Status;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/// Cuts off the streams whose clients want a node that has a leader. Like etcd it waits for three election timeouts in a row
/// without one, since a stream costs more to open again than to keep. Thread-safe.
public final class LeaderMonitor {
    /// What a client is told.
    public static final Status NO_LEADER =
            Status.UNAVAILABLE.withDescription("etcdserver: no leader");

    private static final int MISSES_MAX = 3;

    private final BooleanSupplier hasLeader;
    private final Set<WatchStream> streams = ConcurrentHashMap.newKeySet();

    /// Only the timer's thread touches it.
    private int misses;

    /// @param hasLeader whether this node knows of a leader
    public LeaderMonitor(BooleanSupplier hasLeader) {
        this.hasLeader = hasLeader;
    }

    /// Begins to look, once an election timeout.
    public void start(ScheduledExecutorService timer, Duration electionTimeout) {
        long nanos = electionTimeout.toNanos();
        var _ = timer.scheduleWithFixedDelay(this::look, nanos, nanos, TimeUnit.NANOSECONDS);
    }

    /// Whether there is a leader now: without one a stream that wants one is refused at once.
    public boolean hasLeader() {
        return hasLeader.getAsBoolean();
    }

    public void add(WatchStream stream) {
        streams.add(stream);
    }

    public void remove(WatchStream stream) {
        streams.remove(stream);
    }

    void look() {
        misses = hasLeader.getAsBoolean() ? 0 : misses + 1;
        if (misses >= MISSES_MAX) {
            streams.forEach(stream -> stream.cutOff(NO_LEADER));
        }
    }
}
