package io.lattice.statemachine.mvcc;

import static io.lattice.statemachine.storage.KeyCodec.PREFIX_BYTES;
import static io.lattice.statemachine.storage.KeyCodec.getInt;
import static io.lattice.statemachine.storage.KeyCodec.getLong;
import static io.lattice.statemachine.storage.KeyCodec.putInt;
import static io.lattice.statemachine.storage.KeyCodec.putLong;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The stored form of a change: a head, and for a put the record that it made, see [RecordCodec]. The head is one byte of
/// flags, the revision of the record that the change superseded (8 + 4 bytes, zero without the flag), the length of the user
/// key (4), the user key; integers are big-endian.
///
/// With the superseded revision at hand compaction deletes by key without reading, and a watch finds the previous record.
final class EventCodec {
    private static final byte DELETION = 1;
    private static final byte HAS_PREVIOUS = 2;
    private static final byte PREVIOUS_INDEXED = 4;
    private static final int MAIN_AT = 1;
    private static final int SUB_AT = 9;
    private static final int KEY_BYTES_AT = 13;
    private static final int KEY_AT = 17;

    private EventCodec() {}

    /// The head of a change of `key`.
    ///
    /// @param previous the superseded record or its header, null if the key did not exist
    static byte[] head(boolean deletion, byte @Nullable [] previous, byte[] key) {
        int keyBytes = key.length - PREFIX_BYTES;
        byte[] head = new byte[KEY_AT + keyBytes];
        head[0] = deletion ? DELETION : 0;
        if (previous != null) {
            head[0] |= HAS_PREVIOUS;
            if (StoredKeys.isIndexed(previous)) {
                head[0] |= PREVIOUS_INDEXED;
            }
            putLong(head, MAIN_AT, RecordCodec.modRevision(previous));
            putInt(head, SUB_AT, RecordCodec.modSub(previous));
        }
        putInt(head, KEY_BYTES_AT, keyBytes);
        System.arraycopy(key, PREFIX_BYTES, head, KEY_AT, keyBytes);
        return head;
    }

    static boolean isDeletion(byte[] event) {
        return (event[0] & DELETION) != 0;
    }

    static boolean hasPrevious(byte[] event) {
        return (event[0] & HAS_PREVIOUS) != 0;
    }

    /// Whether the superseded record has an entry in `versions`.
    static boolean isPreviousIndexed(byte[] event) {
        return (event[0] & PREVIOUS_INDEXED) != 0;
    }

    static long previousMain(byte[] event) {
        return getLong(event, MAIN_AT);
    }

    static int previousSub(byte[] event) {
        return getInt(event, SUB_AT);
    }

    /// The `current` key of the changed key.
    static byte[] key(int keyspace, byte[] event) {
        int keyBytes = getInt(event, KEY_BYTES_AT);
        byte[] key = new byte[PREFIX_BYTES + keyBytes];
        putInt(key, 0, keyspace);
        System.arraycopy(event, KEY_AT, key, PREFIX_BYTES, keyBytes);
        return key;
    }

    /// The record that a put made; empty for a deletion.
    static byte[] record(byte[] event) {
        return Arrays.copyOfRange(event, KEY_AT + getInt(event, KEY_BYTES_AT), event.length);
    }
}
