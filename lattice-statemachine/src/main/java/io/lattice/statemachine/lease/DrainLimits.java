package io.lattice.statemachine.lease;

/// When and how fast revoked leases are drained. The same on all replicas, since it decides what each log entry writes.
///
/// @param keysMin a lease with fewer keys is revoked with them in one go
/// @param step keys that one tick deletes, at least 1
public record DrainLimits(int keysMin, int step) {
    /// Five hundred deletions take some milliseconds, which is what a command may wait for them. Of more keys than that is worth
    /// the trouble.
    public static final DrainLimits DEFAULT = new DrainLimits(2_000, 500);

    /// Refuses a step that doesn't come to an end.
    public DrainLimits {
        if (step < 1) {
            throw new IllegalArgumentException("step is " + step + ", must be at least 1");
        }
    }
}
