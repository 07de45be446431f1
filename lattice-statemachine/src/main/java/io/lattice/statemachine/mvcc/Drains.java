package io.lattice.statemachine.mvcc;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.lattice.proto.store.Drain;
import io.lattice.proto.store.DrainList;
import io.lattice.statemachine.storage.Cursor;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.StorageException;
import io.lattice.statemachine.storage.StoreReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;

/// The leases that were revoked with more keys than one log entry should delete. Their keys are deleted some at a time, by the
/// ticks that follow; to a reader they are gone, and watchers are told, since the revision of the revoke. This says which
/// records of the store are gone in that way and which changes are still to be written. Immutable.
///
/// Until a drain has ended, nothing may be written to its keys and its revision may not be compacted: see
/// [EntryBatch#continueDrain(Drain, List)].
public final class Drains {
    static final Drains NONE = new Drains(List.of());

    private final List<Drain> all;

    private Drains(List<Drain> all) {
        this.all = all;
    }

    static Drains decode(byte[] stored) {
        try {
            return new Drains(DrainList.parseFrom(stored).getDrainsList());
        } catch (InvalidProtocolBufferException e) {
            throw new StorageException("the store is damaged: its drains do not parse", e);
        }
    }

    byte[] encode() {
        return DrainList.newBuilder().addAllDrains(all).build().toByteArray();
    }

    /// Whether there are none.
    public boolean isEmpty() {
        return all.isEmpty();
    }

    /// All, in the order of their revokes.
    public List<Drain> all() {
        return all;
    }

    Drains with(Drain begun) {
        List<Drain> more = new ArrayList<>(all);
        more.add(begun);
        return new Drains(List.copyOf(more));
    }

    /// With a drain moved on, or without it if nothing is left of it.
    Drains with(Drain before, Drain after) {
        List<Drain> changed = new ArrayList<>(all);
        int place = changed.indexOf(before);
        if (after.getLeft() == 0) {
            changed.remove(place);
        } else {
            changed.set(place, after);
        }
        return new Drains(List.copyOf(changed));
    }

    boolean concern(int keyspace) {
        for (Drain drain : all) {
            if (drain.getKeyspace() == keyspace) {
                return true;
            }
        }
        return false;
    }

    /// Whether a record that the store has for a key at this main revision is gone in truth.
    boolean hide(int keyspace, byte[] record, long revision) {
        for (Drain drain : all) {
            if (drain.getLease() == RecordCodec.lease(record)
                    && drain.getKeyspace() == keyspace
                    && drain.getRevision() <= revision
                    && RecordCodec.modRevision(record) < drain.getRevision()) {
                return true;
            }
        }
        return false;
    }

    /// Passes on what is not gone at this main revision.
    RecordSink shown(int keyspace, long revision, RecordSink sink) {
        return concern(keyspace)
                ? (key, record) -> hide(keyspace, record, revision) || sink.accept(key, record)
                : sink;
    }

    /// Those of a keyspace whose revisions are in an interval, inclusively.
    List<Drain> between(int keyspace, long fromMain, long toMain) {
        List<Drain> found = new ArrayList<>();
        for (Drain drain : all) {
            if (drain.getKeyspace() == keyspace
                    && drain.getRevision() >= fromMain
                    && drain.getRevision() <= toMain) {
                found.add(drain);
            }
        }
        return found;
    }

    /// The keys that a drain has still to delete, in order, until the sink has enough. Returns whether it didn't.
    public static boolean scanKeys(StoreReader store, Drain drain, Predicate<byte[]> sink) {
        byte[] lower = next(drain);
        byte[] upper = KeyCodec.leaseKeysEnd(drain.getKeyspace(), drain.getLease());
        try (Cursor keys = store.cursor(Family.LEASE_KEYS, lower, upper)) {
            while (keys.valid()) {
                if (!sink.test(KeyCodec.currentOfLeaseKey(keys.key()))) {
                    return false;
                }
                keys.next();
            }
        }
        return true;
    }

    /// Whether a drain has still to delete a key of a range of its keyspace.
    ///
    /// @param store as it was before the log entry that is being applied, or later
    public static boolean touches(StoreReader store, Drain drain, KeyRange range) {
        byte[] lower = KeyCodec.leaseKey(drain.getLease(), range.lower());
        if (range.isSingle()) {
            return !isBehind(drain, lower) && store.get(Family.LEASE_KEYS, lower) != null;
        }
        byte[] upper =
                range.upper().length == KeyCodec.PREFIX_BYTES
                        ? KeyCodec.leaseKeysEnd(drain.getKeyspace(), drain.getLease())
                        : KeyCodec.leaseKey(drain.getLease(), range.upper());
        byte[] from = isBehind(drain, lower) ? next(drain) : lower;
        if (Arrays.compareUnsigned(from, upper) >= 0) {
            return false;
        }
        try (Cursor keys = store.cursor(Family.LEASE_KEYS, from, upper)) {
            return keys.valid();
        }
    }

    /// Whether the drain has passed a `lease_keys` key.
    private static boolean isBehind(Drain drain, byte[] leaseKey) {
        return Arrays.compareUnsigned(leaseKey, next(drain)) < 0;
    }

    /// Where the keys that are left begin.
    private static byte[] next(Drain drain) {
        ByteString last = drain.getLast();
        if (last.isEmpty()) {
            return KeyCodec.lease(drain.getKeyspace(), drain.getLease());
        }
        byte[] lastKey = KeyCodec.leaseKey(drain.getLease(), last.toByteArray());
        return Arrays.copyOf(lastKey, lastKey.length + 1);
    }
}
