package io.lattice.statemachine.mvcc;

import static io.lattice.statemachine.storage.KeyCodec.getLong;
import static io.lattice.statemachine.storage.KeyCodec.putLong;

/// The replicated time by which leases expire, as the last tick left it. It stands still while there are no ticks.
///
/// @param nowMs milliseconds, from 0 on; never goes back
/// @param ticks how many ticks have counted, which is the last one's number
/// @param allowanceMs what a lease that is granted or renewed now gets on top of its TTL: up to as long ago as that it may be
///     that `nowMs` was measured. 0 before the first tick
public record LeaseClock(long nowMs, long ticks, long allowanceMs) {
    /// Before the first tick.
    public static final LeaseClock START = new LeaseClock(0, 0, 0);

    static final int BYTES = 3 * Long.BYTES;

    /// The deadline of a lease that begins to live now.
    public long deadlineMs(long ttlMs) {
        return nowMs + allowanceMs + ttlMs;
    }

    byte[] encode() {
        byte[] bytes = new byte[BYTES];
        putLong(bytes, 0, nowMs);
        putLong(bytes, Long.BYTES, ticks);
        putLong(bytes, 2 * Long.BYTES, allowanceMs);
        return bytes;
    }

    static LeaseClock decode(byte[] bytes) {
        return new LeaseClock(
                getLong(bytes, 0), getLong(bytes, Long.BYTES), getLong(bytes, 2 * Long.BYTES));
    }
}
