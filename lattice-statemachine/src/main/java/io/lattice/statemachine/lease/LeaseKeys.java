package io.lattice.statemachine.lease;

import io.lattice.statemachine.mvcc.LeaseLinks;
import io.lattice.statemachine.mvcc.WriteTxn;
import io.lattice.statemachine.storage.Cursor;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.StoreReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Which keys go with a lease: those in the store, as it was before the log entry that is being applied, and those that the
/// entry itself has attached so far. Apply thread only.
///
/// In memory there are the numbers of keys in the store. With them a walk over a lease's keys ends at its last one: behind it
/// there may be any number of deleted ones, of leases revoked before, which RocksDB would walk through. Of a lease that has only
/// ever had one key, as most do, the key itself is there too: to look for it would cost more than to delete it.
final class LeaseKeys implements LeaseLinks {
    private static final byte[] LOWEST = new byte[0];

    private final StoreReader store;
    private final Map<LeaseId, Stored> storedKeys = new HashMap<>();
    private final Map<LeaseId, List<byte[]>> attachedNow = new HashMap<>();

    /// Over the store before the entry; one for all leases that the entry revokes.
    private @Nullable Cursor cursor;

    LeaseKeys(StoreReader store) {
        this.store = store;
        try (Cursor keys = openCursor()) {
            while (keys.valid()) {
                byte[] key = keys.key();
                addStored(idOf(key), KeyCodec.currentOfLeaseKey(key));
                keys.next();
            }
        }
    }

    /// What the store has of a lease.
    private static final class Stored {
        private int count;

        /// The only key, if it is known.
        private byte @Nullable [] only;
    }

    private void addStored(LeaseId lease, byte[] key) {
        Stored stored = storedKeys.computeIfAbsent(lease, _ -> new Stored());
        stored.only = stored.count == 0 ? key : null;
        stored.count++;
    }

    private void removeStored(LeaseId lease) {
        Stored stored = storedKeys.get(lease);
        if (stored == null) {
            throw new IllegalStateException("a lease lost a key that it did not have");
        }
        stored.count--;
        stored.only = null;
        if (stored.count == 0) {
            storedKeys.remove(lease);
        }
    }

    private static LeaseId idOf(byte[] leaseKey) {
        return new LeaseId(KeyCodec.keyspaceOf(leaseKey), KeyCodec.leaseOf(leaseKey));
    }

    private Cursor openCursor() {
        return store.cursor(Family.LEASE_KEYS, LOWEST, KeyCodec.keyspaceStart(-1));
    }

    /// How many keys of the lease are in the store.
    int storedCount(LeaseId lease) {
        Stored stored = storedKeys.get(lease);
        return stored == null ? 0 : stored.count;
    }

    /// Whether the entry has attached keys to the lease so far.
    boolean hasAttachedNow(LeaseId lease) {
        return attachedNow.containsKey(lease);
    }

    /// Deletes the lease's keys in their order and returns how many there were.
    int deleteAll(WriteTxn txn, LeaseId lease) {
        Stored stored = storedKeys.get(lease);
        List<byte[]> attached = attachedNow.getOrDefault(lease, List.of());
        if (attached.isEmpty()) {
            if (stored == null) {
                return 0;
            }
            if (stored.only != null) {
                return txn.deleteAttached(stored.only, lease.id()) ? 1 : 0;
            }
        }
        List<byte[]> keys = new ArrayList<>();
        readStored(lease, stored == null ? 0 : stored.count, keys);
        if (!attached.isEmpty()) {
            // What is in the store is in order already.
            Collection<byte[]> ordered = new TreeSet<>(Arrays::compareUnsigned);
            ordered.addAll(keys);
            ordered.addAll(attached);
            keys = new ArrayList<>(ordered);
        }
        // The entry may have taken some from the lease or deleted them since.
        return txn.deleteAttached(keys, lease.id());
    }

    private void readStored(LeaseId lease, int count, Collection<byte[]> keys) {
        if (count == 0) {
            return;
        }
        Cursor at = cursor;
        if (at == null) {
            at = openCursor();
            cursor = at;
        }
        at.seek(KeyCodec.lease(lease.keyspace(), lease.id()));
        for (int i = 0; i < count; i++) {
            byte[] key = at.valid() ? at.key() : LOWEST;
            if (key.length == 0 || !idOf(key).equals(lease)) {
                throw new IllegalStateException("the store is damaged: a lease lacks keys");
            }
            keys.add(KeyCodec.currentOfLeaseKey(key));
            if (i < count - 1) {
                at.next();
            }
        }
    }

    @Override
    public void attached(long lease, byte[] key) {
        attachedNow
                .computeIfAbsent(
                        new LeaseId(KeyCodec.keyspaceOf(key), lease), _ -> new ArrayList<>(1))
                .add(key);
    }

    @Override
    public void moved(byte[] key, long before, long after) {
        int keyspace = KeyCodec.keyspaceOf(key);
        if (before != 0) {
            removeStored(new LeaseId(keyspace, before));
        }
        if (after != 0) {
            addStored(new LeaseId(keyspace, after), key);
        }
    }

    /// The entry is over.
    void entryEnded() {
        if (!attachedNow.isEmpty()) {
            attachedNow.clear();
        }
        Cursor used = cursor;
        if (used != null) {
            used.close();
            cursor = null;
        }
    }
}
