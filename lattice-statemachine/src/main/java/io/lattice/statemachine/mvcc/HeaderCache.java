package io.lattice.statemachine.mvcc;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The headers of keys that were changed lately, so that putting them again needs no read. Without values, in one array: small,
/// and nothing for the collector to trace. Four-way set-associative: a key has four places, which give way in turn.
///
/// Only speeds things up: what it doesn't know is read from the store. Owned by the apply thread.
public final class HeaderCache {
    /// What [#find] returns for a key that is known not to exist.
    static final byte[] ABSENT = new byte[0];

    private static final int WAYS = 4;
    private static final int SLOT_BYTES = 128;
    private static final int STATE_AT = 0;
    private static final int KEY_BYTES_AT = 1;
    private static final int HEADER_AT = 2;
    private static final int KEY_AT = HEADER_AT + RecordCodec.HEADER_BYTES;
    private static final int MAX_KEY_BYTES = SLOT_BYTES - KEY_AT;
    private static final byte EMPTY = 0;
    private static final byte LIVE = 1;
    private static final byte GONE = 2;

    private final byte[] slots;
    private final byte[] nextWay;
    private final int setMask;

    /// @param entries how many keys it holds, a power of two; 128 bytes each
    public HeaderCache(int entries) {
        if (Integer.bitCount(entries) != 1 || entries < WAYS) {
            throw new IllegalArgumentException(entries + " entries is not a power of two");
        }
        slots = new byte[Math.multiplyExact(entries, SLOT_BYTES)];
        nextWay = new byte[entries / WAYS];
        setMask = entries / WAYS - 1;
    }

    /// The header of the key's live record, [#ABSENT], or null if the cache doesn't know.
    byte @Nullable [] find(byte[] key) {
        int set = setOf(key);
        for (int way = 0; way < WAYS; way++) {
            int slot = slotAt(set, way);
            if (holds(slot, key)) {
                return slots[slot + STATE_AT] == LIVE
                        ? Arrays.copyOfRange(slots, slot + HEADER_AT, slot + KEY_AT)
                        : ABSENT;
            }
        }
        return null;
    }

    /// Notes the key's live record, or that there is none.
    void note(byte[] key, byte @Nullable [] record) {
        if (key.length > MAX_KEY_BYTES) {
            return;
        }
        int set = setOf(key);
        int way = -1;
        for (int candidate = 0; candidate < WAYS; candidate++) {
            if (holds(slotAt(set, candidate), key)) {
                way = candidate;
            }
        }
        if (way < 0) {
            way = nextWay[set];
            nextWay[set] = (byte) ((way + 1) % WAYS);
        }
        int slot = slotAt(set, way);
        slots[slot + STATE_AT] = record == null ? GONE : LIVE;
        slots[slot + KEY_BYTES_AT] = (byte) key.length;
        if (record != null) {
            System.arraycopy(record, 0, slots, slot + HEADER_AT, RecordCodec.HEADER_BYTES);
        }
        System.arraycopy(key, 0, slots, slot + KEY_AT, key.length);
    }

    private boolean holds(int slot, byte[] key) {
        return slots[slot + STATE_AT] != EMPTY
                && slots[slot + KEY_BYTES_AT] == key.length
                && Arrays.equals(
                        slots, slot + KEY_AT, slot + KEY_AT + key.length, key, 0, key.length);
    }

    private int slotAt(int set, int way) {
        return (set * WAYS + way) * SLOT_BYTES;
    }

    private int setOf(byte[] key) {
        int hash = Arrays.hashCode(key) * 0x9E3779B9;
        return (hash ^ (hash >>> 15)) & setMask;
    }
}
