package io.lattice.statemachine.mvcc;

import static io.lattice.statemachine.storage.KeyCodec.PREFIX_BYTES;
import static io.lattice.statemachine.storage.KeyCodec.getInt;
import static io.lattice.statemachine.storage.KeyCodec.getLong;
import static io.lattice.statemachine.storage.KeyCodec.putInt;
import static io.lattice.statemachine.storage.KeyCodec.putLong;

import org.jspecify.annotations.Nullable;

/// The stored form of a change: one byte of flags, the revision of the record it superseded if there was one (8 + 4 bytes,
/// big-endian), then the user key. With the revision at hand, compaction deletes by key without reading.
final class EventCodec {
    private static final byte DELETION = 1;
    private static final byte HAS_PREVIOUS = 2;
    private static final int MAIN_AT = 1;
    private static final int SUB_AT = 9;
    private static final int KEY_AT_WITH_PREVIOUS = 13;
    private static final int KEY_AT = 1;

    private EventCodec() {}

    static byte[] encode(boolean deletion, byte @Nullable [] previous, byte[] key) {
        int keyBytes = key.length - PREFIX_BYTES;
        byte flags = deletion ? DELETION : 0;
        if (previous == null) {
            byte[] event = new byte[KEY_AT + keyBytes];
            event[0] = flags;
            System.arraycopy(key, PREFIX_BYTES, event, KEY_AT, keyBytes);
            return event;
        }
        byte[] event = new byte[KEY_AT_WITH_PREVIOUS + keyBytes];
        event[0] = (byte) (flags | HAS_PREVIOUS);
        putLong(event, MAIN_AT, RecordCodec.modRevision(previous));
        putInt(event, SUB_AT, RecordCodec.modSub(previous));
        System.arraycopy(key, PREFIX_BYTES, event, KEY_AT_WITH_PREVIOUS, keyBytes);
        return event;
    }

    static boolean isDeletion(byte[] event) {
        return (event[0] & DELETION) != 0;
    }

    static boolean hasPrevious(byte[] event) {
        return (event[0] & HAS_PREVIOUS) != 0;
    }

    static long previousMain(byte[] event) {
        return getLong(event, MAIN_AT);
    }

    static int previousSub(byte[] event) {
        return getInt(event, SUB_AT);
    }

    /// The `current` key of the changed key.
    static byte[] key(int keyspace, byte[] event) {
        int keyAt = hasPrevious(event) ? KEY_AT_WITH_PREVIOUS : KEY_AT;
        byte[] key = new byte[PREFIX_BYTES + event.length - keyAt];
        putInt(key, 0, keyspace);
        System.arraycopy(event, keyAt, key, PREFIX_BYTES, event.length - keyAt);
        return key;
    }
}
