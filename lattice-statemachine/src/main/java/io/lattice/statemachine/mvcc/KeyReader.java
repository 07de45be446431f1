package io.lattice.statemachine.mvcc;

import org.jspecify.annotations.Nullable;

/// Reads the keys of one keyspace at a revision. Callers check the revision first: below [#compactRevision()] the answer is
/// undefined.
public interface KeyReader {
    /// The keyspace read.
    int keyspace();

    /// The newest revision that this reader sees.
    long revision();

    /// The oldest revision that can be read; -1 if the keyspace was never compacted.
    long compactRevision();

    /// The record of a `current` key at a main revision, or null if the key does not exist there.
    byte @Nullable [] get(byte[] key, long revision);

    /// The newest record of a `current` key, of which only the header is needed: the value may be missing.
    default byte @Nullable [] header(byte[] key) {
        return get(key, revision());
    }

    /// Hands the records that live at a main revision to the sink, in key order, until it has enough.
    void scan(KeyRange range, long revision, RecordSink sink);

    /// The exact number of keys that live at a main revision.
    long count(KeyRange range, long revision);
}
