package io.lattice.it.failover;

/// One attempt to put one value.
///
/// @param number the value; for a register it grows with every attempt
/// @param client who wrote, and through which node
/// @param start and end are System.nanoTime around the call
/// @param revision of the acknowledgement, else 0
/// @param error what the client was told, else empty
record Write(
        String key,
        long number,
        String client,
        long start,
        long end,
        Outcome outcome,
        long revision,
        String error) {

    /// What the client knows.
    enum Outcome {
        /// The server said that it is done.
        ACKNOWLEDGED,
        /// Nothing was sent, or the server said that it was not done.
        FAILED,
        /// It may have been done, or may yet be.
        AMBIGUOUS
    }

    boolean isAcknowledged() {
        return outcome == Outcome.ACKNOWLEDGED;
    }

    @Override
    public String toString() {
        return "write %s = %d by %s, %.3f to %.3f ms: %s%s%s"
                .formatted(
                        key,
                        number,
                        client,
                        start / 1e6,
                        end / 1e6,
                        outcome,
                        isAcknowledged() ? " at revision " + revision : "",
                        error.isEmpty() ? "" : " (" + error + ")");
    }
}
