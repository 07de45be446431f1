package io.lattice.statemachine.lease;

import io.lattice.proto.command.LeaseTick;
import io.lattice.statemachine.mvcc.EntryBatch;
import io.lattice.statemachine.mvcc.LeaseClock;
import io.lattice.statemachine.mvcc.LeaseLinks;
import io.lattice.statemachine.mvcc.WriteTxn;
import io.lattice.statemachine.storage.Cursor;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.StoreReader;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// All leases of the store: grants, renews and revokes them, and revokes those whose time is up when a tick moves the time.
///
/// Time is [LeaseClock]: it moves by ticks that the leader proposes, each with what passed on the leader's monotonic clock. A
/// lease that is granted or renewed ends at now + allowance + TTL, where now was measured at the last tick, which is a while
/// ago. The allowance, which came with that tick, is at least that while: the leader leaves uncounted what it takes longer.
/// So a lease never ends before its TTL has passed since the grant or renewal was applied, and late by at most the allowance
/// and the time to the tick that finds it ended.
///
/// A lease that has ended exists, as in etcd, until it is revoked: ticks revoke a bounded number each. A renewal that finds it
/// before that revokes it.
///
/// Apply thread only, but for [#count()].
public final class Lessor {
    private final Map<LeaseId, Lease> leases = new HashMap<>();
    private final ExpiryQueue queue = new ExpiryQueue();
    private final LeaseKeys keys;
    private final Drainer drainer;
    private volatile int count;

    private Lessor(LeaseKeys keys, Drainer drainer) {
        this.keys = keys;
        this.drainer = drainer;
    }

    /// Reads the leases of an opened store.
    ///
    /// @param limits when revoked leases are drained
    public static Lessor load(StoreReader store, DrainLimits limits) {
        Lessor lessor = new Lessor(new LeaseKeys(store), new Drainer(store, limits));
        try (Cursor stored = store.cursor(Family.LEASES, new byte[0], KeyCodec.keyspaceStart(-1))) {
            while (stored.valid()) {
                byte[] key = stored.key();
                LeaseId id = new LeaseId(KeyCodec.keyspaceOf(key), KeyCodec.leaseOf(key));
                lessor.add(new Lease(id, LeaseRecord.decode(stored.value())));
                stored.next();
            }
        }
        return lessor;
    }

    private void add(Lease lease) {
        leases.put(lease.id(), lease);
        queue.add(lease);
        count = leases.size();
    }

    /// Hears of the keys that entries attach and detach.
    public LeaseLinks links() {
        return keys;
    }

    /// Deletes the keys of leases that had many when they were revoked.
    public Drainer drainer() {
        return drainer;
    }

    /// Whether a lease exists.
    public boolean exists(int keyspace, long id) {
        return leases.containsKey(new LeaseId(keyspace, id));
    }

    /// How many leases there are. Any thread.
    public int count() {
        return count;
    }

    /// Makes a lease, and returns false if there is one of that id.
    ///
    /// @param ttlSeconds at most etcd's bound of 9,000,000,000
    public boolean grant(EntryBatch batch, int keyspace, long id, long ttlSeconds) {
        if (exists(keyspace, id)) {
            return false;
        }
        drainer.finish(batch, new LeaseId(keyspace, id));
        Lease lease =
                new Lease(
                        new LeaseId(keyspace, id),
                        new LeaseRecord(ttlSeconds, deadlineMs(batch, ttlSeconds)));
        add(lease);
        store(batch, lease);
        return true;
    }

    /// Begins a lease's time anew.
    ///
    /// @return its TTL in seconds, or 0 if it doesn't exist or its time was up
    public long renew(EntryBatch batch, int keyspace, long id) {
        Lease lease = leases.get(new LeaseId(keyspace, id));
        if (lease == null) {
            return 0;
        }
        if (lease.deadlineMs() <= batch.leaseClock().nowMs()) {
            // The client takes its keys for deleted once it knows.
            revoke(batch, lease);
            return 0;
        }
        lease.extendTo(deadlineMs(batch, lease.ttlSeconds()));
        store(batch, lease);
        return lease.ttlSeconds();
    }

    private static long deadlineMs(EntryBatch batch, long ttlSeconds) {
        return batch.leaseClock().deadlineMs(TimeUnit.SECONDS.toMillis(ttlSeconds));
    }

    private static void store(EntryBatch batch, Lease lease) {
        batch.putLease(lease.id().keyspace(), lease.id().id(), lease.record().encode());
    }

    /// Ends a lease and deletes its keys, sorted, in one revision. Returns false if it doesn't exist.
    public boolean revoke(EntryBatch batch, int keyspace, long id) {
        Lease lease = leases.get(new LeaseId(keyspace, id));
        if (lease == null) {
            return false;
        }
        revoke(batch, lease);
        return true;
    }

    /// Returns how many keys it deleted.
    private int revoke(EntryBatch batch, Lease lease) {
        LeaseId id = lease.id();
        int deleted = deleteKeys(batch, id);
        batch.dropLease(id.keyspace(), id.id());
        leases.remove(id);
        lease.markRevoked();
        queue.noteRevoked();
        count = leases.size();
        return deleted;
    }

    private int deleteKeys(EntryBatch batch, LeaseId id) {
        int stored = keys.storedCount(id);
        if (!keys.hasAttachedNow(id) && drainer.begin(batch, id, stored)) {
            return stored;
        }
        WriteTxn txn = batch.begin(id.keyspace());
        int deleted = keys.deleteAll(txn, id);
        txn.commit();
        return deleted;
    }

    /// Moves the time and revokes what has ended, as much as the tick allows, and deletes some of the keys that are left of
    /// leases with many.
    ///
    /// @param term of the log entry that the tick is in
    /// @return false if the tick doesn't count, so that nothing was done
    public boolean tick(EntryBatch batch, LeaseTick tick, long term) {
        LeaseClock clock = batch.leaseClock();
        if (tick.getTerm() != term || tick.getNumber() != clock.ticks() + 1) {
            return false;
        }
        LeaseClock after =
                new LeaseClock(
                        clock.nowMs() + Math.max(0, tick.getElapsedMs()),
                        tick.getNumber(),
                        tick.getAllowanceMs());
        batch.tick(after);
        long left = tick.getRevokeMax();
        Lease expired = queue.firstExpired(after.nowMs());
        while (expired != null) {
            left -= 1 + revoke(batch, expired);
            expired = left > 0 ? nextWithin(left, after) : null;
        }
        drainer.step(batch);
        return true;
    }

    /// The next ended lease, if it and its keys are no more than `left`. Of one that the entry has granted anew while its former
    /// keys were drained those count, too: it may then wait for the next tick.
    private @Nullable Lease nextWithin(long left, LeaseClock clock) {
        Lease next = queue.firstExpired(clock.nowMs());
        return next != null && keys.storedCount(next.id()) < left ? next : null;
    }

    /// Whether there are leases whose time is up.
    public boolean hasExpired(LeaseClock clock) {
        return queue.firstExpired(clock.nowMs()) != null;
    }

    /// The entry that was applied is in the store, or failed for good.
    public void entryEnded() {
        keys.entryEnded();
    }
}
