package io.lattice.statemachine.mvcc;

import io.lattice.proto.store.Drain;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.StoreReader;
import io.lattice.statemachine.storage.WriteBuffer;
import java.util.Arrays;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// The state that a command within a log entry sees: the store, which stays as it was before the entry, under the keys that
/// earlier commands of the same entry changed. Owned by the apply thread; lives for one entry.
final class Overlay {
    private static final byte[] NO_VALUE = new byte[0];

    private final StoreReader store;
    private final HeaderCache headers;
    private final RecordCache records;
    private final TreeMap<byte[], PendingKey> pending = new TreeMap<>(Arrays::compareUnsigned);

    Overlay(StoreReader store, HeaderCache headers, RecordCache records) {
        this.store = store;
        this.headers = headers;
        this.records = records;
    }

    /// The entry for a key; of the record in the store it may know only the header.
    PendingKey touch(byte[] key) {
        PendingKey known = pending.get(key);
        if (known != null) {
            return known;
        }
        byte[] header = headers.find(key);
        PendingKey touched =
                header == null
                        ? new PendingKey(key, StoredKeys.latest(store, key), true)
                        : ofHeader(key, header);
        pending.put(key, touched);
        return touched;
    }

    private static PendingKey ofHeader(byte[] key, byte[] header) {
        return new PendingKey(key, header.length == 0 ? null : header, false);
    }

    /// Makes the entries for keys in ascending order, at least one: what has to be read of neighbours is read together.
    void touchAll(List<byte[]> keys) {
        try (AscendingLookups lookups =
                new AscendingLookups(store, keys.getFirst(), keys.getLast())) {
            for (byte[] key : keys) {
                if (pending.containsKey(key)) {
                    continue;
                }
                byte[] header = headers.find(key);
                PendingKey touched =
                        header == null
                                ? new PendingKey(key, lookups.latest(key), true)
                                : ofHeader(key, header);
                pending.put(key, touched);
            }
        }
    }

    /// The entry for a key whose live record the caller has just scanned.
    PendingKey touch(byte[] key, byte[] live) {
        PendingKey known = pending.get(key);
        if (known != null) {
            return known;
        }
        PendingKey read = new PendingKey(key, live, true);
        pending.put(key, read);
        return read;
    }

    /// The live record of a touched key, whole.
    byte @Nullable [] live(PendingKey known) {
        if (known.lacksLiveValue()) {
            fill(known);
        }
        return known.live();
    }

    byte @Nullable [] latest(byte[] key) {
        return live(touch(key));
    }

    private void fill(PendingKey known) {
        byte[] record = StoredKeys.latest(store, known.key());
        if (record == null) {
            throw new IllegalStateException("a cached header has no record");
        }
        known.fillStored(record);
    }

    byte @Nullable [] at(byte[] key, long revision) {
        PendingKey known = pending.get(key);
        return known == null ? StoredKeys.at(store, key, revision) : at(known, revision);
    }

    private byte @Nullable [] at(PendingKey known, long revision) {
        byte[] made = known.madeAt(revision);
        if (made != null) {
            return RecordCodec.isTombstone(made) ? null : made;
        }
        byte[] stored = known.stored();
        if (stored == null || RecordCodec.modRevision(stored) > revision) {
            return StoredKeys.supersededAt(store, known.key(), stored, revision);
        }
        if (known.lacksStoredValue()) {
            fill(known);
        }
        return known.stored();
    }

    void scanLatest(KeyRange range, RecordSink sink) {
        if (range.isSingle()) {
            byte[] record = latest(range.lower());
            if (record != null) {
                sink.accept(range.lower(), record);
            }
            return;
        }
        if (!range.isEmpty()) {
            Merger merger = new Merger(range, Long.MAX_VALUE, sink);
            if (StoredKeys.scanLatest(store, range, merger)) {
                merger.finish();
            }
        }
    }

    void scanAt(KeyRange range, long revision, RecordSink sink) {
        if (range.isSingle()) {
            byte[] record = at(range.lower(), revision);
            if (record != null) {
                sink.accept(range.lower(), record);
            }
            return;
        }
        if (!range.isEmpty()) {
            Merger merger = new Merger(range, revision, sink);
            if (StoredKeys.scanAt(store, range, revision, merger)) {
                merger.finish();
            }
        }
    }

    /// Adds the net change of every touched key's live record to the batch, in key order, and of the lease that it goes with.
    ///
    /// @param index of the log entry
    void emit(WriteBuffer buffer, long index, LeaseLinks links) {
        for (PendingKey changed : pending.values()) {
            if (!changed.isChanged()) {
                continue;
            }
            byte[] live = changed.live();
            headers.note(changed.key(), live);
            records.replace(changed.key(), live, index);
            if (live != null) {
                buffer.put(Family.CURRENT, changed.key(), live);
            } else {
                buffer.delete(Family.CURRENT, changed.key());
            }
            emitLease(changed, buffer, links);
        }
    }

    private static void emitLease(PendingKey changed, WriteBuffer buffer, LeaseLinks links) {
        long before = leaseOf(changed.stored());
        long after = leaseOf(changed.live());
        if (before == after) {
            return;
        }
        if (before != 0) {
            buffer.delete(Family.LEASE_KEYS, KeyCodec.leaseKey(before, changed.key()));
        }
        if (after != 0) {
            buffer.put(Family.LEASE_KEYS, KeyCodec.leaseKey(after, changed.key()), NO_VALUE);
        }
        links.moved(changed.key(), before, after);
    }

    /// [Drains#scanKeys] of the store before the entry.
    boolean scanKeys(Drain drain, Predicate<byte[]> sink) {
        return Drains.scanKeys(store, drain, sink);
    }

    /// Whether a key was changed that went with a lease before the entry.
    boolean hasChangedKeysOf(int keyspace, long lease) {
        for (PendingKey one : pending.values()) {
            if (one.isChanged()
                    && leaseOf(one.stored()) == lease
                    && KeyCodec.keyspaceOf(one.key()) == keyspace) {
                return true;
            }
        }
        return false;
    }

    private static long leaseOf(byte @Nullable [] record) {
        return record == null ? 0 : RecordCodec.lease(record);
    }

    private Collection<PendingKey> within(KeyRange range) {
        return pending.subMap(range.lower(), true, range.upper(), false).values();
    }

    /// Weaves the pending keys of a range into the store's records: a pending key replaces the stored one.
    private final class Merger implements RecordSink {
        private final long revision;
        private final RecordSink sink;
        private final Iterator<PendingKey> rest;
        private @Nullable PendingKey next;

        Merger(KeyRange range, long revision, RecordSink sink) {
            this.revision = revision;
            this.sink = sink;
            this.rest = within(range).iterator();
            advance();
        }

        @Override
        public boolean accept(byte[] key, byte[] record) {
            while (next != null) {
                int order = Arrays.compareUnsigned(next.key(), key);
                if (order > 0) {
                    break;
                }
                if (!emitNext()) {
                    return false;
                }
                if (order == 0) {
                    return true;
                }
            }
            return sink.accept(key, record);
        }

        void finish() {
            boolean more = true;
            while (more && next != null) {
                more = emitNext();
            }
        }

        private boolean emitNext() {
            PendingKey emitted = next;
            if (emitted == null) {
                return true;
            }
            advance();
            byte[] record = revision == Long.MAX_VALUE ? live(emitted) : at(emitted, revision);
            return record == null || sink.accept(emitted.key(), record);
        }

        private void advance() {
            next = rest.hasNext() ? rest.next() : null;
        }
    }
}
