package io.lattice.statemachine.lease;

import io.lattice.proto.store.Drain;
import io.lattice.statemachine.mvcc.Drains;
import io.lattice.statemachine.mvcc.EntryBatch;
import io.lattice.statemachine.mvcc.KeyRange;
import io.lattice.statemachine.storage.StoreReader;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/// Deletes the keys of leases that were revoked with many of them, a few with each tick, so that no entry holds up those behind
/// it; see [Drains] for what readers see meanwhile.
///
/// Whatever would write to such a key, read it on the log's behalf, or compact the revision at which it is deleted, has the
/// rest of that lease's keys deleted first. Apply thread only.
public final class Drainer {
    /// Every record read is compared with each drain: beyond these, leases are revoked in one go.
    private static final int DRAINS_MAX = 16;

    private final StoreReader store;
    private final DrainLimits limits;

    Drainer(StoreReader store, DrainLimits limits) {
        this.store = store;
        this.limits = limits;
    }

    /// Deletes a revoked lease's keys bit by bit if they are many, or returns false: then the caller deletes them.
    ///
    /// @param keys how many are in the store; the entry has attached no others
    boolean begin(EntryBatch batch, LeaseId lease, int keys) {
        // What the entry has done to them isn't in the store yet.
        if (keys < Math.max(1, limits.keysMin())
                || batch.drains().all().size() >= DRAINS_MAX
                || batch.hasChangedKeysOf(lease.keyspace(), lease.id())) {
            return false;
        }
        batch.beginDrain(lease.keyspace(), lease.id(), keys);
        return true;
    }

    /// Does a tick's part.
    void step(EntryBatch batch) {
        if (!batch.drains().isEmpty()) {
            advance(batch, batch.drains().all().getFirst(), limits.step());
        }
    }

    /// Ends the drains that have a key in a range to delete yet.
    public void finishWithin(EntryBatch batch, int keyspace, KeyRange range) {
        if (!range.isEmpty()) {
            finishThose(
                    batch,
                    drain ->
                            drain.getKeyspace() == keyspace && Drains.touches(store, drain, range));
        }
    }

    /// Ends the drains of a keyspace that delete at a revision or below it.
    public void finishUpTo(EntryBatch batch, int keyspace, long revision) {
        finishThose(
                batch, drain -> drain.getKeyspace() == keyspace && drain.getRevision() <= revision);
    }

    /// Ends a lease's drain, so that there may be another lease of that id.
    void finish(EntryBatch batch, LeaseId lease) {
        finishThose(
                batch,
                drain -> drain.getKeyspace() == lease.keyspace() && drain.getLease() == lease.id());
    }

    private void finishThose(EntryBatch batch, Predicate<Drain> which) {
        for (Drain drain : batch.drains().all()) {
            if (which.test(drain)) {
                advance(batch, drain, drain.getLeft());
            }
        }
    }

    private void advance(EntryBatch batch, Drain drain, int keysMax) {
        int wanted = Math.min(keysMax, drain.getLeft());
        List<byte[]> keys = new ArrayList<>(wanted);
        // Ends at the last one: behind it may lie any number of deleted ones.
        var _ =
                Drains.scanKeys(
                        store,
                        drain,
                        key -> {
                            keys.add(key);
                            return keys.size() < wanted;
                        });
        if (keys.size() != wanted) {
            throw new IllegalStateException("the store is damaged: a revoked lease lacks keys");
        }
        batch.continueDrain(drain, keys);
    }
}
