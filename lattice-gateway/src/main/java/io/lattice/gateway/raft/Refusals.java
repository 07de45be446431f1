package io.lattice.gateway.raft;

import java.util.concurrent.TimeUnit;
import org.apache.ratis.protocol.exceptions.ResourceUnavailableException;

/// For how long Ratis has refused every entry for want of room.
///
/// Ratis hands out a bounded number of permits for entries under way and loses one now and then: an entry that is
/// applied before it is registered never gives its permit back. Since the proposer has one entry
/// under way, a refusal while there is none means that they are gone. Not thread-safe: the proposer guards it.
final class Refusals {
    /// What waits is tried again every few milliseconds; after a longer pause nothing is known any more.
    private static final long GAP_NANOS_MAX = TimeUnit.SECONDS.toNanos(1);

    private boolean refused;
    private long firstNanos;
    private long lastNanos;

    /// An entry was surely not appended.
    void notAppended(Throwable cause, long nowNanos) {
        if (!isWantOfRoom(cause)) {
            refused = false;
        } else {
            if (!refused || nowNanos - lastNanos > GAP_NANOS_MAX) {
                refused = true;
                firstNanos = nowNanos;
            }
            lastNanos = nowNanos;
        }
    }

    /// Ratis took an entry.
    void taken() {
        refused = false;
    }

    /// Nanoseconds from the first to the last of the refusals that last; 0 if none does.
    long nanos(long nowNanos) {
        return refused && nowNanos - lastNanos <= GAP_NANOS_MAX ? lastNanos - firstNanos : 0;
    }

    private static boolean isWantOfRoom(Throwable thrown) {
        for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
            if (cause instanceof ResourceUnavailableException) {
                return true;
            }
        }
        return false;
    }
}
