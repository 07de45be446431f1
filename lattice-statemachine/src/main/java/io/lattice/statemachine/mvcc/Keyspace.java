package io.lattice.statemachine.mvcc;

/// The counters of one tenant's keyspace at some moment.
///
/// @param id the keyspace
/// @param revision its newest main revision
/// @param compactRevision reads below it answer "compacted"; -1 if it was never compacted
public record Keyspace(int id, long revision, long compactRevision) {
    /// An untouched keyspace.
    public static Keyspace empty(int id) {
        return new Keyspace(id, Revision.EMPTY, Revision.NEVER_COMPACTED);
    }

    Keyspace atRevision(long newRevision) {
        return new Keyspace(id, newRevision, compactRevision);
    }

    Keyspace compactedAt(long newCompactRevision) {
        return new Keyspace(id, revision, newCompactRevision);
    }
}
