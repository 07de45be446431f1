package io.lattice.statemachine.lease;

/// A lease in memory. Apply thread only.
final class Lease {
    private final LeaseId id;
    private final long ttlSeconds;
    private long deadlineMs;
    private boolean revoked;

    /// By which [ExpiryQueue] has it in its order: the deadline as it was then. Changed only outside the queue.
    long queuedMs;

    Lease(LeaseId id, LeaseRecord record) {
        this.id = id;
        this.ttlSeconds = record.ttlSeconds();
        this.deadlineMs = record.deadlineMs();
        this.queuedMs = deadlineMs;
    }

    LeaseId id() {
        return id;
    }

    long ttlSeconds() {
        return ttlSeconds;
    }

    /// In replicated time.
    long deadlineMs() {
        return deadlineMs;
    }

    /// Moves the deadline, never to an earlier time: the allowance for late ticks may have become smaller.
    void extendTo(long newDeadlineMs) {
        deadlineMs = Math.max(deadlineMs, newDeadlineMs);
    }

    LeaseRecord record() {
        return new LeaseRecord(ttlSeconds, deadlineMs);
    }

    void markRevoked() {
        revoked = true;
    }

    boolean isRevoked() {
        return revoked;
    }
}
