package io.lattice.statemachine.mvcc;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The headers of keys that were changed lately, so that putting them again needs no read. Without values, in one array: small,
/// and nothing for the collector to trace. Eight-way set-associative: a key has eight places, which give way in turn. A byte of
/// each key's hash tells which of the eight are worth a look, so that a search touches one of them and not all.
///
/// Only speeds things up: what it doesn't know is read from the store. Owned by the apply thread.
public final class HeaderCache {
    /// What [#find] returns for a key that is known not to exist.
    static final byte[] ABSENT = new byte[0];

    private static final int WAYS = Long.BYTES;
    private static final int SLOT_BYTES = 128;
    private static final int STATE_AT = 0;
    private static final int KEY_BYTES_AT = 1;
    private static final int HEADER_AT = 2;
    private static final int KEY_AT = HEADER_AT + RecordCodec.HEADER_BYTES;
    private static final int MAX_KEY_BYTES = SLOT_BYTES - KEY_AT;
    private static final byte LIVE = 1;
    private static final byte GONE = 2;
    private static final long LOW_BITS = 0x0101_0101_0101_0101L;
    private static final long HIGH_BITS = 0x8080_8080_8080_8080L;
    private static final int TAG_BITS = 7;
    private static final long TAKEN = 0x80;

    private final byte[] slots;

    /// A set's eight tags, the first way's lowest: 0 for an empty place, else a part of the key's hash.
    private final long[] tags;

    private final byte[] nextWay;
    private final int setMask;

    /// @param entries how many keys it holds, a power of two, at least 8; 128 bytes each
    public HeaderCache(int entries) {
        if (Integer.bitCount(entries) != 1 || entries < WAYS) {
            throw new IllegalArgumentException(
                    entries + " entries is not a power of two from " + WAYS + " up");
        }
        slots = new byte[Math.multiplyExact(entries, SLOT_BYTES)];
        tags = new long[entries / WAYS];
        nextWay = new byte[entries / WAYS];
        setMask = entries / WAYS - 1;
    }

    /// The header of the key's live record, [#ABSENT], or null if the cache doesn't know.
    byte @Nullable [] find(byte[] key) {
        int hash = hashOf(key);
        int way = wayOf(key, hash);
        if (way < 0) {
            return null;
        }
        int slot = slotAt(setOf(hash), way);
        return slots[slot + STATE_AT] == LIVE
                ? Arrays.copyOfRange(slots, slot + HEADER_AT, slot + KEY_AT)
                : ABSENT;
    }

    /// Notes the key's live record, or that there is none.
    void note(byte[] key, byte @Nullable [] record) {
        if (key.length > MAX_KEY_BYTES) {
            return;
        }
        int hash = hashOf(key);
        int set = setOf(hash);
        int way = wayOf(key, hash);
        if (way < 0) {
            way = nextWay[set];
            nextWay[set] = (byte) ((way + 1) % WAYS);
            int shift = way * Byte.SIZE;
            tags[set] = (tags[set] & ~(0xFFL << shift)) | (tagOf(hash) << shift);
        }
        int slot = slotAt(set, way);
        slots[slot + STATE_AT] = record == null ? GONE : LIVE;
        slots[slot + KEY_BYTES_AT] = (byte) key.length;
        if (record != null) {
            System.arraycopy(record, 0, slots, slot + HEADER_AT, RecordCodec.HEADER_BYTES);
        }
        System.arraycopy(key, 0, slots, slot + KEY_AT, key.length);
    }

    /// The key's place in its set, -1 if it has none.
    private int wayOf(byte[] key, int hash) {
        int set = setOf(hash);
        // Bytes that are 0 after this have the tag. The test for them may also name a byte above
        // one that is, never miss one.
        long differences = tags[set] ^ (tagOf(hash) * LOW_BITS);
        long candidates = (differences - LOW_BITS) & ~differences & HIGH_BITS;
        while (candidates != 0) {
            int way = Long.numberOfTrailingZeros(candidates) / Byte.SIZE;
            if (holds(slotAt(set, way), key)) {
                return way;
            }
            candidates &= candidates - 1;
        }
        return -1;
    }

    private boolean holds(int slot, byte[] key) {
        return slots[slot + KEY_BYTES_AT] == key.length
                && Arrays.equals(
                        slots, slot + KEY_AT, slot + KEY_AT + key.length, key, 0, key.length);
    }

    private int slotAt(int set, int way) {
        return (set * WAYS + way) * SLOT_BYTES;
    }

    private static int hashOf(byte[] key) {
        return Arrays.hashCode(key) * 0x9E3779B9;
    }

    private int setOf(int hash) {
        return (hash ^ (hash >>> 15)) & setMask;
    }

    private static long tagOf(int hash) {
        return TAKEN | (hash >>> (Integer.SIZE - TAG_BITS));
    }
}
