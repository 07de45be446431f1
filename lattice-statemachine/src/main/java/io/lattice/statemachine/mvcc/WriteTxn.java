package io.lattice.statemachine.mvcc;

import com.google.protobuf.ByteString;
import io.lattice.proto.store.Drain;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.WriteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// One command's changes to one keyspace, all under the revision after the newest. It sees its own changes and those of the
/// commands before it in the same log entry. Ends with [#commit()], which moves the keyspace on if anything changed, or with
/// [#abort()], which leaves no trace. Apply thread only.
public final class WriteTxn implements KeyReader {
    /// Fewer keys are looked up one by one: a cursor costs several lookups.
    private static final int TOGETHER_MIN = 16;

    private final EntryBatch batch;
    private final Overlay overlay;
    private final WriteBuffer buffer;
    private final LeaseLinks links;
    private final Keyspace begin;
    private final long nextRevision;
    private final int bufferLength;
    private final int bufferCount;
    private final int changesBefore;
    private final boolean noted;
    private final List<PendingKey.Undo> undos = new ArrayList<>(4);
    private int changes;

    WriteTxn(
            EntryBatch batch,
            Overlay overlay,
            WriteBuffer buffer,
            LeaseLinks links,
            Keyspace begin) {
        this(batch, overlay, buffer, links, begin, begin.revision() + 1, 0, true);
    }

    private WriteTxn(
            EntryBatch batch,
            Overlay overlay,
            WriteBuffer buffer,
            LeaseLinks links,
            Keyspace begin,
            long nextRevision,
            int changes,
            boolean noted) {
        this.batch = batch;
        this.overlay = overlay;
        this.buffer = buffer;
        this.links = links;
        this.begin = begin;
        this.nextRevision = nextRevision;
        this.changes = changes;
        this.noted = noted;
        this.bufferLength = buffer.length();
        this.bufferCount = buffer.count();
        this.changesBefore = batch.changeCount();
    }

    /// Goes on with a drain, for [#deleteAttached(List, long)] only: at its revision, behind what it has deleted, and without
    /// telling watchers, who know. The keyspace is at that revision already, so it isn't committed.
    static WriteTxn draining(
            EntryBatch batch, Overlay overlay, WriteBuffer buffer, LeaseLinks links, Drain drain) {
        return new WriteTxn(
                batch,
                overlay,
                buffer,
                links,
                batch.keyspace(drain.getKeyspace()),
                drain.getRevision(),
                drain.getDeleted(),
                false);
    }

    @Override
    public int keyspace() {
        return begin.id();
    }

    /// The revision before the command, or the command's own once it has changed something.
    @Override
    public long revision() {
        return changes == 0 ? begin.revision() : nextRevision;
    }

    @Override
    public long compactRevision() {
        return begin.compactRevision();
    }

    @Override
    public byte @Nullable [] get(byte[] key, long revision) {
        return revision >= revision() ? overlay.latest(key) : overlay.at(key, revision);
    }

    @Override
    public byte @Nullable [] header(byte[] key) {
        return overlay.touch(key).live();
    }

    @Override
    public void scan(KeyRange range, long revision, RecordSink sink) {
        if (revision >= revision()) {
            overlay.scanLatest(range, sink);
        } else {
            overlay.scanAt(range, revision, sink);
        }
    }

    @Override
    public long count(KeyRange range, long revision) {
        Counter counter = new Counter();
        scan(range, revision, counter);
        return counter.count;
    }

    /// Sets a key.
    public void put(byte[] key, ByteString value, long lease) {
        PendingKey pending = overlay.touch(key);
        byte[] old = pending.live();
        Revision at = new Revision(nextRevision, changes);
        byte[] record =
                old == null
                        ? RecordCodec.encode(nextRevision, at, 1, lease, value)
                        : RecordCodec.encode(
                                RecordCodec.createRevision(old),
                                at,
                                RecordCodec.version(old) + 1,
                                lease,
                                value);
        change(pending, old, record);
    }

    /// Sets a key that exists to the value it has, with a lease.
    public void putUnchangedValue(byte[] key, long lease) {
        PendingKey pending = overlay.touch(key);
        byte[] old = overlay.live(pending);
        if (old == null) {
            throw new IllegalStateException("a key without a record has no value to keep");
        }
        byte[] record =
                RecordCodec.encodeWithValueOf(
                        old,
                        RecordCodec.createRevision(old),
                        new Revision(nextRevision, changes),
                        RecordCodec.version(old) + 1,
                        lease);
        change(pending, old, record);
    }

    /// Deletes the keys of a range and returns how many there were.
    ///
    /// @param deleted receives each key with its last record, its answer being ignored; null if nobody wants them
    public long delete(KeyRange range, @Nullable RecordSink deleted) {
        if (range.isSingle()) {
            PendingKey pending = overlay.touch(range.lower());
            byte[] old = deleted == null ? pending.live() : overlay.live(pending);
            if (old == null) {
                return 0;
            }
            delete(pending, old, deleted);
            return 1;
        }
        List<byte[]> keys = new ArrayList<>();
        List<byte[]> records = new ArrayList<>();
        overlay.scanLatest(
                range,
                (key, record) -> {
                    keys.add(key);
                    records.add(record);
                    return true;
                });
        for (int i = 0; i < keys.size(); i++) {
            byte[] old = records.get(i);
            delete(overlay.touch(keys.get(i), old), old, deleted);
        }
        return keys.size();
    }

    /// Deletes a key if it goes with this lease, and returns whether it did.
    public boolean deleteAttached(byte[] key, long lease) {
        PendingKey pending = overlay.touch(key);
        byte[] old = pending.live();
        if (old == null || RecordCodec.lease(old) != lease) {
            return false;
        }
        delete(pending, old, null);
        return true;
    }

    /// Deletes those of the keys, in ascending order, that go with this lease, and returns how many did.
    public int deleteAttached(List<byte[]> keys, long lease) {
        if (keys.size() >= TOGETHER_MIN) {
            overlay.touchAll(keys);
        }
        int deleted = 0;
        for (byte[] key : keys) {
            if (deleteAttached(key, lease)) {
                deleted++;
            }
        }
        return deleted;
    }

    /// Keeps the changes for the log entry's batch and moves the keyspace's revision on if there were any.
    public void commit() {
        if (changes > 0) {
            batch.committed(begin.atRevision(nextRevision));
        }
    }

    /// Takes all changes back.
    public void abort() {
        for (int i = undos.size() - 1; i >= 0; i--) {
            undos.get(i).run();
        }
        buffer.truncate(bufferLength, bufferCount);
        batch.truncateChanges(changesBefore);
        undos.clear();
        changes = 0;
    }

    private void delete(PendingKey pending, byte[] old, @Nullable RecordSink deleted) {
        byte[] tombstoneKey = KeyCodec.version(pending.key(), nextRevision, changes);
        change(pending, old, null);
        buffer.put(Family.VERSIONS, tombstoneKey, StoredKeys.VERSION_ENTRY);
        if (deleted != null) {
            deleted.accept(pending.key(), old);
        }
    }

    /// @param old the live record or its header
    private void change(PendingKey pending, byte @Nullable [] old, byte @Nullable [] record) {
        byte[] key = pending.key();
        if (old != null && StoredKeys.isIndexed(old)) {
            byte[] versionKey =
                    KeyCodec.version(key, RecordCodec.modRevision(old), RecordCodec.modSub(old));
            buffer.put(Family.VERSIONS, versionKey, StoredKeys.VERSION_ENTRY);
        }
        buffer.put(
                Family.EVENTS,
                KeyCodec.event(begin.id(), nextRevision, changes),
                EventCodec.head(record == null, old, key),
                record == null ? RecordCodec.TOMBSTONE : record);
        if (record != null) {
            noteLease(key, old, record);
        }
        if (noted) {
            batch.note(nextRevision, key, record == null ? RecordCodec.TOMBSTONE : record, old);
        }
        undos.add(pending.undo());
        pending.change(record, nextRevision);
        changes++;
    }

    private void noteLease(byte[] key, byte @Nullable [] old, byte[] record) {
        long lease = RecordCodec.lease(record);
        if (lease != 0 && (old == null || RecordCodec.lease(old) != lease)) {
            links.attached(lease, key);
        }
    }

    /// Counts what a scan finds.
    private static final class Counter implements RecordSink {
        private long count;

        @Override
        public boolean accept(byte[] key, byte[] record) {
            count++;
            return true;
        }
    }
}
