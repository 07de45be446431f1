package io.lattice.statemachine.mvcc;

import io.lattice.statemachine.storage.Cursor;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.StoreReader;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Reads at the newest and at older revisions straight from the store.
///
/// A key's record at revision R is the live one if that is not newer than R, else the newest of its superseded versions that
/// isn't; `versions` names its revision, `events` has it. A read at or above the compact revision is right at every moment of a running compaction: what that removes is
/// superseded at or before the compact revision, and a tombstone goes in one batch with the record it hides.
final class StoredKeys {
    /// Neighbouring versions are tried one by one this often before a seek, which costs several steps.
    private static final int STEPS_BEFORE_SEEK = 4;

    /// The value of a `versions` entry for a superseded record.
    static final byte[] VERSION_RECORD = new byte[0];

    /// The value of a `versions` entry for a deletion.
    static final byte[] VERSION_DELETION = {1};

    private StoredKeys() {}

    static byte @Nullable [] latest(StoreReader store, byte[] key) {
        return store.get(Family.CURRENT, key);
    }

    static byte @Nullable [] at(StoreReader store, byte[] key, long revision) {
        byte[] live = store.get(Family.CURRENT, key);
        if (live != null && RecordCodec.modRevision(live) <= revision) {
            return live;
        }
        return supersededAt(store, key, revision);
    }

    /// The newest of the key's superseded versions at or before a revision, null if that is a deletion or there is none.
    static byte @Nullable [] supersededAt(StoreReader store, byte[] key, long revision) {
        byte[] from = KeyCodec.newestVersionAt(key, revision);
        try (Cursor versions = store.cursor(Family.VERSIONS, from, KeyCodec.behindVersions(key))) {
            return versions.valid() ? recordOf(store, versions) : null;
        }
    }

    /// The record that the change at a revision made, the empty tombstone for a deletion; null if compaction removed it.
    static byte @Nullable [] madeAt(StoreReader store, int keyspace, Revision revision) {
        byte[] event =
                store.get(Family.EVENTS, KeyCodec.event(keyspace, revision.main(), revision.sub()));
        return event == null ? null : EventCodec.record(event);
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

    private static boolean merge(
            StoreReader store, Cursor live, Cursor versions, long revision, RecordSink sink) {
        byte[] liveKey = live.valid() ? live.key() : null;
        byte[] versionedKey = keyOf(versions);
        while (liveKey != null || versionedKey != null) {
            int order = compare(liveKey, versionedKey);
            byte[] key = order <= 0 ? liveKey : versionedKey;
            byte[] record = order <= 0 ? live.value() : null;
            if (record != null && RecordCodec.modRevision(record) > revision) {
                record = null;
            }
            if (order >= 0) {
                if (record == null) {
                    record = seekVersion(store, versions, versionedKey, revision);
                }
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

    /// From the key's newest version, finds the one at the revision; null if that is a tombstone or there is none.
    private static byte @Nullable [] seekVersion(
            StoreReader store, Cursor versions, byte @Nullable [] key, long revision) {
        if (key == null) {
            return null;
        }
        byte[] prefix = KeyCodec.versionsPrefix(key);
        for (int step = 0; step < STEPS_BEFORE_SEEK; step++) {
            byte[] found = versions.key();
            if (!startsWith(found, prefix)) {
                return null;
            }
            if (KeyCodec.mainOfVersion(found) <= revision) {
                return recordOf(store, versions);
            }
            versions.next();
            if (!versions.valid()) {
                return null;
            }
        }
        versions.seek(KeyCodec.newestVersionAt(key, revision));
        return versions.valid() && startsWith(versions.key(), prefix)
                ? recordOf(store, versions)
                : null;
    }

    private static byte @Nullable [] recordOf(StoreReader store, Cursor versions) {
        if (versions.value().length != VERSION_RECORD.length) {
            return null;
        }
        byte[] at = versions.key();
        Revision revision = new Revision(KeyCodec.mainOfVersion(at), KeyCodec.subOfVersion(at));
        byte[] record = madeAt(store, KeyCodec.keyspaceOf(at), revision);
        if (record == null) {
            throw new IllegalStateException(
                    "the store is damaged: " + revision + " is a version but no change");
        }
        return record;
    }

    /// Moves the cursor, which is on a version of the key or already behind them, to the next key.
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
