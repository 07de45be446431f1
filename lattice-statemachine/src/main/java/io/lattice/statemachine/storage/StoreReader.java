package io.lattice.statemachine.storage;

import org.jspecify.annotations.Nullable;

/// Reads from the store's newest state or from a snapshot. Any thread.
public interface StoreReader {
    /// The value of a key, or null if there is none. The array belongs to the caller.
    byte @Nullable [] get(Family family, byte[] key);

    /// A cursor over [lower, upper), placed on the first key at or above `lower`. The caller closes it before it gives
    /// up the reader, and uses it from one thread.
    Cursor cursor(Family family, byte[] lower, byte[] upper);
}
