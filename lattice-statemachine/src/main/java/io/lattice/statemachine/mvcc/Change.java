package io.lattice.statemachine.mvcc;

import com.google.protobuf.ByteString;
import io.lattice.statemachine.storage.KeyCodec;
import org.jspecify.annotations.Nullable;

/// One change of a key as it was applied: what a watch tells of. Shares the bytes of the record that the write made, so it
/// costs nothing but itself. Immutable.
public final class Change {
    private static final long NO_PREVIOUS = 0;
    private static final long UNKNOWN_PREVIOUS = -1;

    private final long main;
    private final byte[] key;
    private final byte[] record;
    private final long previousMain;
    private final int previousSub;

    private Change(long main, byte[] key, byte[] record, long previousMain, int previousSub) {
        this.main = main;
        this.key = key;
        this.record = record;
        this.previousMain = previousMain;
        this.previousSub = previousSub;
    }

    /// @param record what the change made, [RecordCodec#TOMBSTONE] for a deletion
    /// @param previous the superseded record or its header, null if the key did not exist
    static Change of(long main, byte[] key, byte[] record, byte @Nullable [] previous) {
        return previous == null
                ? new Change(main, key, record, NO_PREVIOUS, 0)
                : new Change(
                        main,
                        key,
                        record,
                        RecordCodec.modRevision(previous),
                        RecordCodec.modSub(previous));
    }

    /// A deletion of a key that exists, of whose record nothing is known here.
    static Change ofDeletion(long main, byte[] key) {
        return new Change(main, key, RecordCodec.TOMBSTONE, UNKNOWN_PREVIOUS, 0);
    }

    /// A change as it is stored.
    static Change ofEvent(int keyspace, long main, byte[] event) {
        return new Change(
                main,
                EventCodec.key(keyspace, event),
                EventCodec.record(event),
                EventCodec.hasPrevious(event) ? EventCodec.previousMain(event) : NO_PREVIOUS,
                EventCodec.hasPrevious(event) ? EventCodec.previousSub(event) : 0);
    }

    /// The keyspace of the key.
    public int keyspace() {
        return KeyCodec.keyspaceOf(key);
    }

    /// The main revision at which it happened.
    public long revision() {
        return main;
    }

    /// The `current` key that changed. Not to be modified.
    public byte[] key() {
        return key;
    }

    /// The user key, sharing its bytes.
    public ByteString userKey() {
        return RecordCodec.userKey(key);
    }

    /// The record that a put made, see [RecordCodec]; empty for a deletion. Not to be modified.
    public byte[] record() {
        return record;
    }

    /// Whether the key was deleted.
    public boolean isDeletion() {
        return RecordCodec.isTombstone(record);
    }

    /// Whether the key did not exist before the change.
    public boolean isCreation() {
        return previousMain == NO_PREVIOUS;
    }

    /// Whether the change names the one that it superseded; else that is looked up.
    boolean namesPrevious() {
        return previousMain != UNKNOWN_PREVIOUS;
    }

    long previousMain() {
        return previousMain;
    }

    int previousSub() {
        return previousSub;
    }

    /// Bytes of key and record.
    public int bytes() {
        return key.length + record.length;
    }
}
