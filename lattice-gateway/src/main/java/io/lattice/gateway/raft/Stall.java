package io.lattice.gateway.raft;

/// How long something that has work to do has made no progress. Not thread-safe.
final class Stall {
    private long position = -1;
    private long nanos;

    /// Takes a look.
    ///
    /// @param now how far it has come
    /// @param idle whether it has nothing to do
    /// @param elapsedNanos since the last look
    /// @return nanoseconds without progress
    long observe(long now, boolean idle, long elapsedNanos) {
        if (idle || now != position) {
            position = now;
            nanos = 0;
        } else {
            nanos += elapsedNanos;
        }
        return nanos;
    }
}
