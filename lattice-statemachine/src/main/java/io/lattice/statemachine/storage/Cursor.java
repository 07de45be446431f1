package io.lattice.statemachine.storage;

import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;

/// Walks a key interval of one column family in ascending order. Owned by one thread, closed by it.
///
/// The upper bound is given to RocksDB rather than checked here, so that a scan does not wade through what was deleted
/// behind its end.
public final class Cursor implements AutoCloseable {
    private final RocksIterator iterator;
    private final ReadOptions options;
    private final Slice upperBound;

    Cursor(RocksIterator iterator, ReadOptions options, Slice upperBound) {
        this.iterator = iterator;
        this.options = options;
        this.upperBound = upperBound;
    }

    /// Whether the cursor is on an entry. False at the end; a read error is thrown, never taken for the end.
    public boolean valid() {
        if (iterator.isValid()) {
            return true;
        }
        try {
            iterator.status();
        } catch (RocksDBException e) {
            throw new StorageException("cannot read the store: " + e.getMessage(), e);
        }
        return false;
    }

    /// Moves to the next entry. Only when [#valid()].
    public void next() {
        iterator.next();
    }

    /// Moves to the first entry at or above `key`.
    public void seek(byte[] key) {
        iterator.seek(key);
    }

    /// Moves to the last entry at or below `key`.
    public void seekForPrev(byte[] key) {
        iterator.seekForPrev(key);
    }

    /// The key under the cursor, a copy of its own.
    public byte[] key() {
        return iterator.key();
    }

    /// The value under the cursor, a copy of its own.
    public byte[] value() {
        return iterator.value();
    }

    @Override
    public void close() {
        iterator.close();
        options.close();
        upperBound.close();
    }
}
