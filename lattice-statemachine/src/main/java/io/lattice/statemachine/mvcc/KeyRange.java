package io.lattice.statemachine.mvcc;

import com.google.protobuf.ByteString;
import io.lattice.statemachine.storage.KeyCodec;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The keys that a request names, as an interval [lower, upper) of `current` keys, with etcd's reading of `range_end`:
/// empty is the key alone, a single zero byte is everything from the key on, an end at or below the key is an empty range.
public final class KeyRange {
    private static final byte[] NO_UPPER = new byte[0];

    private final byte[] lower;
    private final byte[] upper;

    private KeyRange(byte[] lower, byte[] upper) {
        this.lower = lower;
        this.upper = upper;
    }

    /// The range of a request.
    public static KeyRange of(int keyspace, ByteString key, ByteString rangeEnd) {
        byte[] lower = KeyCodec.current(keyspace, key);
        if (rangeEnd.isEmpty()) {
            return new KeyRange(lower, NO_UPPER);
        }
        if (rangeEnd.size() == 1 && rangeEnd.byteAt(0) == 0) {
            return new KeyRange(lower, KeyCodec.keyspaceEnd(keyspace));
        }
        return new KeyRange(lower, KeyCodec.current(keyspace, rangeEnd));
    }

    /// Every key of a keyspace.
    public static KeyRange all(int keyspace) {
        return new KeyRange(KeyCodec.keyspaceStart(keyspace), KeyCodec.keyspaceEnd(keyspace));
    }

    /// The rest of this range behind one of its keys.
    KeyRange behind(byte[] key) {
        return new KeyRange(Arrays.copyOf(key, key.length + 1), upper);
    }

    /// Whether it names one key rather than an interval.
    public boolean isSingle() {
        return upper.length == 0;
    }

    /// Whether it can't hold any key: its end is not behind its beginning.
    public boolean isEmpty() {
        return !isSingle() && Arrays.compareUnsigned(lower, upper) >= 0;
    }

    /// The key itself, or the first one that an interval may hold. Not to be modified.
    public byte[] lower() {
        return lower;
    }

    /// The end of an interval. Not to be modified.
    public byte[] upper() {
        if (isSingle()) {
            throw new IllegalStateException("a single key has no upper bound");
        }
        return upper;
    }

    /// Whether a `current` key of the same keyspace is in it.
    public boolean contains(byte[] key) {
        return isSingle()
                ? Arrays.equals(lower, key)
                : Arrays.compareUnsigned(lower, key) <= 0 && Arrays.compareUnsigned(key, upper) < 0;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof KeyRange range
                && Arrays.equals(lower, range.lower)
                && Arrays.equals(upper, range.upper);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(lower) + Arrays.hashCode(upper);
    }

    byte[] versionsLower() {
        return KeyCodec.versionsPrefix(lower);
    }

    byte[] versionsUpper() {
        return upper.length == KeyCodec.PREFIX_BYTES ? upper : KeyCodec.versionsPrefix(upper);
    }
}
