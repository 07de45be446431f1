package io.lattice.it.failover;

/// One linearizable read of a register that was answered.
///
/// @param number the register's value; 0 if it was not there
/// @param modRevision the revision that wrote it; 0 if it was not there
/// @param headerRevision the store's revision in the answer
/// @param start and end are System.nanoTime around the call
record Read(
        String key,
        long number,
        long modRevision,
        long headerRevision,
        String client,
        long start,
        long end) {
    @Override
    public String toString() {
        return "read %s = %d (mod revision %d, store at %d) by %s, %.3f to %.3f ms"
                .formatted(
                        key, number, modRevision, headerRevision, client, start / 1e6, end / 1e6);
    }
}
