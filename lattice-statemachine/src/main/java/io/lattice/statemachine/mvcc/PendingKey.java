package io.lattice.statemachine.mvcc;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A key that the log entry being applied has looked at or changed: its live record before the entry, its live record now,
/// and what came and went in between.
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

    private final byte[] key;
    private final byte @Nullable [] stored;
    private byte @Nullable [] live;
    private List<Past> past = List.of();

    PendingKey(byte[] key, byte @Nullable [] stored) {
        this.key = key;
        this.stored = stored;
        this.live = stored;
    }

    byte[] key() {
        return key;
    }

    /// The live record in the store, as before the entry.
    byte @Nullable [] stored() {
        return stored;
    }

    /// The live record after what the entry did so far.
    byte @Nullable [] live() {
        return live;
    }

    /// By identity: a put of an equal record is a change, and an aborted one restores the very array.
    @SuppressWarnings("ReferenceEquality")
    boolean isChanged() {
        return live != stored;
    }

    /// Supersedes the live record. A null record is a deletion.
    void change(byte @Nullable [] record, long main) {
        if (live != null && isChanged()) {
            remember(RecordCodec.modRevision(live), live);
        }
        if (record == null) {
            remember(main, RecordCodec.TOMBSTONE);
        }
        live = record;
    }

    /// Takes changes back.
    void restore(byte @Nullable [] formerLive, int formerPastSize) {
        live = formerLive;
        while (past.size() > formerPastSize) {
            past.removeLast();
        }
    }

    int pastSize() {
        return past.size();
    }

    /// The newest thing at or before a revision that the entry itself made: a record, the empty tombstone, or null if the
    /// answer lies in the store.
    byte @Nullable [] madeAt(long revision) {
        if (live != null && isChanged() && RecordCodec.modRevision(live) <= revision) {
            return live;
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
