package io.lattice.statemachine.storage;

import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.rocksdb.ReadOptions;
import org.rocksdb.Snapshot;

/// A frozen state of the store, shared by many readers. It begins with one reference, that of its maker; each reader
/// takes one with [#tryAcquire()] and gives it back with [#release()]. The last one out frees the native snapshot.
///
/// Any thread. Reading without holding a reference is a use after free.
public final class StoreSnapshot implements StoreReader {
    private final RocksStore store;
    private final Snapshot snapshot;
    private final ReadOptions options;
    private final AtomicInteger references = new AtomicInteger(1);

    StoreSnapshot(RocksStore store, Snapshot snapshot, ReadOptions options) {
        this.store = store;
        this.snapshot = snapshot;
        this.options = options;
    }

    /// Takes a reference, unless the last one is already gone: then the caller looks for a newer snapshot.
    public boolean tryAcquire() {
        int seen = references.get();
        while (seen > 0) {
            if (references.compareAndSet(seen, seen + 1)) {
                return true;
            }
            seen = references.get();
        }
        return false;
    }

    /// Gives a reference back.
    public void release() {
        int left = references.decrementAndGet();
        if (left == 0) {
            store.free(snapshot, options);
        } else if (left < 0) {
            throw new IllegalStateException("a snapshot was released more often than acquired");
        }
    }

    @Override
    public byte @Nullable [] get(Family family, byte[] key) {
        return store.get(family, options, key);
    }

    @Override
    public Cursor cursor(Family family, byte[] lower, byte[] upper) {
        return store.cursor(family, options, lower, upper);
    }
}
