package io.lattice.gateway.raft;

import java.util.concurrent.TimeUnit;

/// Decides when a batch of what waits is worth the fixed cost of sending one.
///
/// The first of a hundred clients that were just answered is back at once, the last a little later. A batch sent for the
/// first alone makes the other ninety-nine wait for its whole way and costs as much CPU as one for all. So a batch waits
/// until about as many are there as in the largest of late, but never longer than serving that many takes anyway: a lone
/// client never waits, and the wait ends after 8 ms whatever happens. Groups of clients that take turns in separate
/// batches would never meet by that alone, so now and then a batch waits although it has the size.
///
/// Not thread-safe: the owner guards it.
final class BatchPacer {
    /// What a request costs the machines involved, client and network too, about: the next can't be expected sooner.
    private static final long NANOS_PER_ITEM = 100_000;

    private static final long NANOS_MAX = TimeUnit.MILLISECONDS.toNanos(8);

    /// Batches after which one waits for more than the usual size.
    private static final int PROBE_INTERVAL = 8;

    /// A size that isn't reached any more is forgotten by this part with each batch.
    private static final int DECAY = 16;

    private int target;
    private int sinceProbe;
    private long endedNanos = System.nanoTime() - NANOS_MAX;

    /// How many make a batch that goes at once.
    int target() {
        return sinceProbe == PROBE_INTERVAL ? Integer.MAX_VALUE : target;
    }

    /// Nanoseconds that a batch of `waiting` should still wait for company, 0 if it should go now.
    long nanosToWait(int waiting, long nowNanos) {
        if (waiting >= target()) {
            return 0;
        }
        long patience = Math.min(NANOS_MAX, (target - 1) * NANOS_PER_ITEM);
        return Math.max(0, endedNanos + patience - nowNanos);
    }

    /// A batch was sent.
    void began(int size) {
        sinceProbe = sinceProbe == PROBE_INTERVAL ? 0 : sinceProbe + 1;
        target = Math.max(size, target - Math.ceilDiv(target, DECAY));
    }

    /// The batch has been answered: from now on its clients may come back.
    void ended(long nowNanos) {
        endedNanos = nowNanos;
    }
}
