package io.lattice.statemachine.mvcc;

import io.lattice.statemachine.storage.Cursor;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.StoreReader;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Finds the live records of many keys, asked for in ascending order. A key near the one before costs a step of a cursor, a
/// fraction of what it costs to look it up.
final class AscendingLookups implements AutoCloseable {
    private final Cursor live;
    private byte @Nullable [] at;

    /// @param first the lowest key that will be asked for
    /// @param last the highest
    AscendingLookups(StoreReader store, byte[] first, byte[] last) {
        byte[] behindLast = Arrays.copyOf(last, last.length + 1);
        live = store.cursor(Family.CURRENT, first, behindLast);
        at = key();
    }

    private byte @Nullable [] key() {
        return live.valid() ? live.key() : null;
    }

    /// The key's live record, or null if there is none. No key may be below one asked for before.
    byte @Nullable [] latest(byte[] key) {
        for (int step = 0; step < StoredKeys.STEPS_BEFORE_SEEK && isBefore(key); step++) {
            live.next();
            at = key();
        }
        if (isBefore(key)) {
            live.seek(key);
            at = key();
        }
        return Arrays.equals(at, key) ? live.value() : null;
    }

    private boolean isBefore(byte[] key) {
        return at != null && Arrays.compareUnsigned(at, key) < 0;
    }

    @Override
    public void close() {
        live.close();
    }
}
