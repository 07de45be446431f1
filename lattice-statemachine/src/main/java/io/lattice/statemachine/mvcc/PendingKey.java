package io.lattice.statemachine.mvcc;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A key that the log entry being applied has looked at or changed: its live record before the entry, its live record now,
/// and what came and went in between. Of the record before the entry often only the header is known, which is enough to
/// supersede it.
final class PendingKey {
    /// A record that was superseded within the entry, or a tombstone.
    private static final class Past {
        private final long main;
        private final byte[] record;

        Past(long main, byte[] record) {
            this.main = main;
            this.record = record;
        }
    }

    /// How a key was before a change, for taking it back.
    static final class Undo {
        private final PendingKey key;
        private final boolean changed;
        private final byte @Nullable [] made;
        private final int pastSize;

        private Undo(PendingKey key) {
            this.key = key;
            this.changed = key.changed;
            this.made = key.made;
            this.pastSize = key.past.size();
        }

        void run() {
            key.changed = changed;
            key.made = made;
            while (key.past.size() > pastSize) {
                key.past.removeLast();
            }
        }
    }

    private final byte[] key;
    private byte @Nullable [] stored;
    private boolean storedWithValue;
    private boolean changed;
    private byte @Nullable [] made;
    private List<Past> past = List.of();

    /// @param stored the live record in the store or, unless `withValue`, its header; null if there is none
    PendingKey(byte[] key, byte @Nullable [] stored, boolean withValue) {
        this.key = key;
        this.stored = stored;
        this.storedWithValue = withValue || stored == null;
    }

    byte[] key() {
        return key;
    }

    /// Whether only the header of the record in the store is known.
    boolean lacksStoredValue() {
        return !storedWithValue;
    }

    /// Whether only the header of the live record is known.
    boolean lacksLiveValue() {
        return !storedWithValue && !changed;
    }

    /// Replaces the header of the record in the store by the whole record.
    void fillStored(byte[] record) {
        stored = record;
        storedWithValue = true;
    }

    /// The record in the store, as before the entry, or its header.
    byte @Nullable [] stored() {
        return stored;
    }

    /// The live record after what the entry did so far, or its header.
    byte @Nullable [] live() {
        return changed ? made : stored;
    }

    boolean isChanged() {
        return changed;
    }

    /// Supersedes the live record. A null record is a deletion.
    void change(byte @Nullable [] record, long main) {
        if (made != null) {
            remember(RecordCodec.modRevision(made), made);
        }
        if (record == null) {
            remember(main, RecordCodec.TOMBSTONE);
        }
        made = record;
        changed = true;
    }

    /// The way back to how the key is now.
    Undo undo() {
        return new Undo(this);
    }

    /// The newest thing at or before a revision that the entry itself made: a record, the empty tombstone, or null if the
    /// answer lies in the store.
    byte @Nullable [] madeAt(long revision) {
        if (made != null && RecordCodec.modRevision(made) <= revision) {
            return made;
        }
        for (int i = past.size() - 1; i >= 0; i--) {
            Past candidate = past.get(i);
            if (candidate.main <= revision) {
                return candidate.record;
            }
        }
        return null;
    }

    private void remember(long main, byte[] record) {
        if (past.isEmpty()) {
            past = new ArrayList<>(2);
        }
        past.add(new Past(main, record));
    }
}
