package io.lattice.statemachine.mvcc;

import io.lattice.statemachine.storage.Cursor;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.StoreReader;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Reads at the newest and at older revisions straight from the store.
///
/// A key's record at revision R is the live one if that is not newer than R. Else it is found from the nearest later change of
/// the key that can be looked up, back along the changes, each of which names the one before. Looked up can be the live record,
/// every deletion, and every [#STRIDE]th version of a key, which bounds the way. For puts at 2 to 40 without a deletion, a read
/// at 9 begins at the 16th version, which is at 17, and goes 17, 16, …, 10, 9.
///
/// A read at or above the compact revision is right at every moment of a running compaction: all changes after R are still
/// there, and so is the record that lives at R.
final class StoredKeys {
    /// Every how many versions of a key one gets an entry in `versions`. More makes puts cheaper and reads of busy keys at an
    /// old revision dearer.
    static final int STRIDE = 16;

    /// The value of all `versions` entries.
    static final byte[] VERSION_ENTRY = new byte[0];

    /// Neighbours are tried one by one this often before a seek, which costs several steps.
    static final int STEPS_BEFORE_SEEK = 4;

    private StoredKeys() {}

    /// Whether a superseded record, given whole or as header, has an entry in `versions`.
    static boolean isIndexed(byte[] record) {
        return RecordCodec.version(record) % STRIDE == 0;
    }

    static byte @Nullable [] latest(StoreReader store, byte[] key) {
        return store.get(Family.CURRENT, key);
    }

    static byte @Nullable [] at(StoreReader store, byte[] key, long revision) {
        byte[] live = store.get(Family.CURRENT, key);
        if (live != null && RecordCodec.modRevision(live) <= revision) {
            return live;
        }
        return supersededAt(store, key, live, revision);
    }

    /// The record of a key at a revision, null if it did not exist there.
    ///
    /// @param live the key's live record or header, which is newer than the revision; null if there is none
    static byte @Nullable [] supersededAt(
            StoreReader store, byte[] key, byte @Nullable [] live, long revision) {
        if (live != null
                && RecordCodec.createRevision(live) <= revision
                && RecordCodec.version(live) <= STRIDE) {
            // Nothing was indexed in between.
            return walk(store, key, revisionOf(live), revision);
        }
        try (Cursor versions =
                store.cursor(
                        Family.VERSIONS,
                        KeyCodec.versionsPrefix(key),
                        KeyCodec.behindVersions(key))) {
            Revision indexed = nextIndexed(versions, key, revision);
            if (indexed != null) {
                return walk(store, key, indexed, revision);
            }
        }
        return live == null ? null : walk(store, key, revisionOf(live), revision);
    }

    private static Revision revisionOf(byte[] record) {
        return new Revision(RecordCodec.modRevision(record), RecordCodec.modSub(record));
    }

    /// The earliest change of the key after a main revision that has an entry.
    private static @Nullable Revision nextIndexed(Cursor versions, byte[] key, long revision) {
        versions.seekForPrev(KeyCodec.newestVersionAt(key, revision));
        if (!versions.valid()) {
            return null;
        }
        byte[] found = versions.key();
        return startsWith(found, KeyCodec.versionsPrefix(key))
                ? new Revision(KeyCodec.mainOfVersion(found), KeyCodec.subOfVersion(found))
                : null;
    }

    /// Goes back from a change to the newest one of the key that is not after the revision. A creation on the way ends it:
    /// the key was not there before, since a deletion in between would have been nearer to begin with.
    static byte @Nullable [] walk(StoreReader store, byte[] key, Revision from, long revision) {
        int keyspace = KeyCodec.keyspaceOf(key);
        long main = from.main();
        int sub = from.sub();
        while (main > revision) {
            byte[] event = eventAt(store, keyspace, main, sub);
            if (!EventCodec.hasPrevious(event)) {
                return null;
            }
            main = EventCodec.previousMain(event);
            sub = EventCodec.previousSub(event);
        }
        return EventCodec.record(eventAt(store, keyspace, main, sub));
    }

    private static byte[] eventAt(StoreReader store, int keyspace, long main, int sub) {
        byte[] event = store.get(Family.EVENTS, KeyCodec.event(keyspace, main, sub));
        if (event == null) {
            throw new IllegalStateException(
                    "the store is damaged: the change at " + main + "." + sub + " is missing");
        }
        return event;
    }

    /// Returns false if the sink had enough.
    static boolean scanLatest(StoreReader store, KeyRange range, RecordSink sink) {
        if (range.isSingle()) {
            byte[] record = latest(store, range.lower());
            return record == null || sink.accept(range.lower(), record);
        }
        if (range.isEmpty()) {
            return true;
        }
        try (Cursor live = store.cursor(Family.CURRENT, range.lower(), range.upper())) {
            while (live.valid()) {
                if (!sink.accept(live.key(), live.value())) {
                    return false;
                }
                live.next();
            }
        }
        return true;
    }

    /// Returns false if the sink had enough.
    static boolean scanAt(StoreReader store, KeyRange range, long revision, RecordSink sink) {
        if (range.isSingle()) {
            byte[] record = at(store, range.lower(), revision);
            return record == null || sink.accept(range.lower(), record);
        }
        if (range.isEmpty()) {
            return true;
        }
        try (Cursor live = store.cursor(Family.CURRENT, range.lower(), range.upper());
                Cursor versions =
                        store.cursor(
                                Family.VERSIONS, range.versionsLower(), range.versionsUpper())) {
            return merge(store, live, versions, revision, sink);
        }
    }

    static long countLatest(StoreReader store, KeyRange range) {
        if (range.isSingle()) {
            return latest(store, range.lower()) == null ? 0 : 1;
        }
        if (range.isEmpty()) {
            return 0;
        }
        long count = 0;
        try (Cursor live = store.cursor(Family.CURRENT, range.lower(), range.upper())) {
            while (live.valid()) {
                count++;
                live.next();
            }
        }
        return count;
    }

    /// A key that lived at an older revision still lives, or has a deletion in `versions`: so the keys of both are all.
    private static boolean merge(
            StoreReader store, Cursor live, Cursor versions, long revision, RecordSink sink) {
        byte[] liveKey = live.valid() ? live.key() : null;
        byte[] versionedKey = keyOf(versions);
        while (liveKey != null || versionedKey != null) {
            int order = compare(liveKey, versionedKey);
            byte[] key = order <= 0 ? liveKey : versionedKey;
            byte[] record = order <= 0 ? live.value() : null;
            if (key != null && (record == null || RecordCodec.modRevision(record) > revision)) {
                record = supersededAt(store, key, record, revision);
            }
            if (order >= 0) {
                skip(versions, versionedKey);
                versionedKey = keyOf(versions);
            }
            if (order <= 0) {
                live.next();
                liveKey = live.valid() ? live.key() : null;
            }
            if (record != null && key != null && !sink.accept(key, record)) {
                return false;
            }
        }
        return true;
    }

    private static int compare(byte @Nullable [] liveKey, byte @Nullable [] versionedKey) {
        if (liveKey == null) {
            return 1;
        }
        return versionedKey == null ? -1 : Arrays.compareUnsigned(liveKey, versionedKey);
    }

    private static byte @Nullable [] keyOf(Cursor versions) {
        return versions.valid() ? KeyCodec.currentOfVersion(versions.key()) : null;
    }

    /// Moves the cursor, which is on a version of the key, to the next key.
    private static void skip(Cursor versions, byte @Nullable [] key) {
        if (key == null) {
            return;
        }
        byte[] prefix = KeyCodec.versionsPrefix(key);
        for (int step = 0; step < STEPS_BEFORE_SEEK; step++) {
            if (!versions.valid() || !startsWith(versions.key(), prefix)) {
                return;
            }
            versions.next();
        }
        if (versions.valid() && startsWith(versions.key(), prefix)) {
            versions.seek(KeyCodec.behindVersions(key));
        }
    }

    private static boolean startsWith(byte[] bytes, byte[] prefix) {
        return bytes.length >= prefix.length
                && Arrays.equals(bytes, 0, prefix.length, prefix, 0, prefix.length);
    }
}
