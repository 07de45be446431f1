package io.lattice.statemachine.mvcc;

import static io.lattice.statemachine.storage.KeyCodec.putLong;

import com.google.protobuf.ByteString;
import io.lattice.proto.command.PublishMember;
import io.lattice.proto.etcdserverpb.AlarmMember;
import io.lattice.proto.etcdserverpb.AlarmResponse;
import io.lattice.proto.store.Drain;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.StoreReader;
import io.lattice.statemachine.storage.WriteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Everything that one log entry changes, collected for one atomic write. Its commands are applied one after the other, each
/// seeing those before it; the store stays untouched until the whole is written. Apply thread only.
public final class EntryBatch {
    private final WriteBuffer buffer;
    private final Overlay overlay;
    private final StoreState before;
    private final LeaseLinks links;
    private final Map<Integer, Keyspace> changed = new HashMap<>();
    private final Map<Integer, Long> compactions = new HashMap<>();
    private @Nullable Map<String, PublishMember> members;
    private @Nullable Keyspace lastUsed;
    private LeaseClock leaseClock;
    private Drains drains;
    private @Nullable List<Change> changes;

    /// Begins an entry over the state before it. The buffer must be empty and is the batch's until the write.
    public EntryBatch(
            StoreReader store,
            HeaderCache headers,
            RecordCache records,
            WriteBuffer buffer,
            StoreState before,
            LeaseLinks links) {
        this.buffer = buffer;
        this.overlay = new Overlay(store, headers, records);
        this.before = before;
        this.links = links;
        this.leaseClock = before.leaseClock();
        this.drains = before.drains();
    }

    /// The keyspace as the entry's commands so far left it.
    public Keyspace keyspace(int id) {
        if (lastUsed != null && lastUsed.id() == id) {
            return lastUsed;
        }
        Keyspace known = changed.get(id);
        lastUsed = known != null ? known : before.keyspaces().get(id);
        return lastUsed;
    }

    /// Begins the next command on a keyspace. One at a time.
    public WriteTxn begin(int keyspace) {
        return new WriteTxn(this, overlay, buffer, links, keyspace(keyspace));
    }

    /// Has [#changes()] kept from here on; called before the first command.
    public void keepChanges() {
        changes = new ArrayList<>();
    }

    /// What the entry changed so far, in the order of revisions within a keyspace; null if nobody
    /// wanted to know.
    public @Nullable List<Change> changes() {
        return changes;
    }

    int changeCount() {
        return changes == null ? 0 : changes.size();
    }

    void note(long main, byte[] key, byte[] record, byte @Nullable [] previous) {
        if (changes != null) {
            changes.add(Change.of(main, key, record, previous));
        }
    }

    void truncateChanges(int count) {
        if (changes != null) {
            changes.subList(count, changes.size()).clear();
        }
    }

    void committed(Keyspace keyspace) {
        changed.put(keyspace.id(), keyspace);
        lastUsed = keyspace;
    }

    /// Sets the compact revision, at once for every later command. The deletion of what it frees is left to the [Compactor].
    public void compact(int keyspace, long revision) {
        committed(keyspace(keyspace).compactedAt(revision));
        compactions.put(keyspace, revision);
    }

    /// Sets the alarms that stand, at once for every later command.
    public void setAlarms(int keyspace, List<AlarmMember> alarms) {
        committed(keyspace(keyspace).withAlarms(alarms));
    }

    /// Keeps what a member says about itself, replacing what it said before.
    public void publish(PublishMember member) {
        if (members == null) {
            members = new HashMap<>(before.members());
        }
        members.put(member.getNodeId(), member);
        buffer.put(Family.META, KeyCodec.member(member.getNodeId()), member.toByteArray());
    }

    /// The time by which leases expire, as the entry's commands so far left it.
    public LeaseClock leaseClock() {
        return leaseClock;
    }

    /// Moves that time.
    public void tick(LeaseClock after) {
        leaseClock = after;
    }

    /// Keeps a lease.
    public void putLease(int keyspace, long lease, byte[] value) {
        buffer.put(Family.LEASES, KeyCodec.lease(keyspace, lease), value);
    }

    /// Drops a lease. Its keys are the caller's to delete.
    public void dropLease(int keyspace, long lease) {
        buffer.delete(Family.LEASES, KeyCodec.lease(keyspace, lease));
    }

    /// The revoked leases whose keys are being deleted, as the entry's commands so far left them.
    public Drains drains() {
        return drains;
    }

    /// Deletes all keys of a lease that is being revoked, in one revision, without writing the deletions: they are written by
    /// [#continueDrain(Drain, List)]. The entry must not have changed any of the keys.
    ///
    /// @param keys how many it has, at least one
    public void beginDrain(int keyspace, long lease, int keys) {
        Keyspace at = keyspace(keyspace);
        long revision = at.revision() + 1;
        committed(at.atRevision(revision));
        Drain drain =
                Drain.newBuilder()
                        .setKeyspace(keyspace)
                        .setLease(lease)
                        .setRevision(revision)
                        .setLeft(keys)
                        .build();
        drains = drains.with(drain);
        List<Change> noted = changes;
        if (noted != null) {
            // Only the keys are read, for those who watch: that takes a tenth of what deleting them
            // does.
            var _ = overlay.scanKeys(drain, key -> noted.add(Change.ofDeletion(revision, key)));
        }
    }

    /// Whether this entry has changed a key that went with a lease before it.
    public boolean hasChangedKeysOf(int keyspace, long lease) {
        return overlay.hasChangedKeysOf(keyspace, lease);
    }

    /// Writes the deletion of the next keys of a drain.
    ///
    /// @param keys the first ones of [Drains#scanKeys]; at least one
    public void continueDrain(Drain drain, List<byte[]> keys) {
        WriteTxn txn = WriteTxn.draining(this, overlay, buffer, links, drain);
        if (txn.deleteAttached(keys, drain.getLease()) != keys.size()) {
            throw new IllegalStateException(
                    "the store is damaged: keys of a revoked lease don't go with it");
        }
        Drain after =
                drain.toBuilder()
                        .setDeleted(drain.getDeleted() + keys.size())
                        .setLeft(drain.getLeft() - keys.size())
                        .setLast(ByteString.copyFrom(keys.getLast()))
                        .build();
        drains = drains.with(drain, after);
    }

    /// The highest compact revision set per keyspace.
    public Map<Integer, Long> compactions() {
        return compactions;
    }

    /// Completes the batch with the position of the entry and returns the state that holds once it is written.
    public StoreState finish(long term, long index) {
        overlay.emit(buffer, index, links);
        Keyspaces keyspaces = before.keyspaces();
        for (Keyspace keyspace : changed.values()) {
            keyspaces = keyspaces.with(keyspace);
            writeChanged(keyspace, before.keyspaces().get(keyspace.id()));
        }
        if (!leaseClock.equals(before.leaseClock())) {
            buffer.put(Family.META, KeyCodec.leaseClock(), leaseClock.encode());
        }
        writeDrains();
        byte[] position = new byte[2 * Long.BYTES];
        putLong(position, 0, term);
        putLong(position, Long.BYTES, index);
        buffer.put(Family.META, KeyCodec.appliedPosition(), position);
        return new StoreState(
                term,
                index,
                keyspaces,
                members != null ? Map.copyOf(members) : before.members(),
                leaseClock,
                drains);
    }

    private void writeDrains() {
        if (drains == before.drains()) {
            return;
        }
        if (drains.isEmpty()) {
            buffer.delete(Family.META, KeyCodec.drains());
        } else {
            buffer.put(Family.META, KeyCodec.drains(), drains.encode());
        }
    }

    private void writeChanged(Keyspace after, Keyspace earlier) {
        if (after.revision() != earlier.revision()) {
            putCounter(KeyCodec.revision(after.id()), after.revision());
        }
        if (after.compactRevision() != earlier.compactRevision()) {
            putCounter(KeyCodec.compactRevision(after.id()), after.compactRevision());
        }
        if (!after.alarms().equals(earlier.alarms())) {
            buffer.put(
                    Family.META,
                    KeyCodec.alarms(after.id()),
                    AlarmResponse.newBuilder().addAllAlarms(after.alarms()).build().toByteArray());
        }
    }

    private void putCounter(byte[] key, long value) {
        byte[] bytes = new byte[Long.BYTES];
        putLong(bytes, 0, value);
        buffer.put(Family.META, key, bytes);
    }
}
