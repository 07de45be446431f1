package io.lattice.statemachine.lease;

import static io.lattice.statemachine.storage.KeyCodec.getLong;
import static io.lattice.statemachine.storage.KeyCodec.putLong;

import io.lattice.statemachine.storage.StorageException;

/// The stored form of a lease, big-endian: TTL (8), deadline (8).
///
/// @param ttlSeconds the granted time to live
/// @param deadlineMs when it ends, in the replicated time of [io.lattice.statemachine.mvcc.LeaseClock]
record LeaseRecord(long ttlSeconds, long deadlineMs) {
    private static final int BYTES = 2 * Long.BYTES;

    byte[] encode() {
        byte[] bytes = new byte[BYTES];
        putLong(bytes, 0, ttlSeconds);
        putLong(bytes, Long.BYTES, deadlineMs);
        return bytes;
    }

    static LeaseRecord decode(byte[] bytes) {
        if (bytes.length != BYTES) {
            throw new StorageException(
                    "the store is damaged: a lease has "
                            + bytes.length
                            + " bytes, expected "
                            + BYTES);
        }
        return new LeaseRecord(getLong(bytes, 0), getLong(bytes, Long.BYTES));
    }
}
