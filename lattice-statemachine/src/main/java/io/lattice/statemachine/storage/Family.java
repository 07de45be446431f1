package io.lattice.statemachine.storage;

/// The column families. Every key in them begins with the four-byte big-endian keyspace id, see [KeyCodec].
///
/// | family | key after the keyspace | value |
/// |---|---|---|
/// | [#CURRENT] | user key | the live record of the key |
/// | [#VERSIONS] | escaped user key, inverted revision | a superseded record; empty for a tombstone |
/// | [#EVENTS] | revision | kind of change, revision it superseded, user key; one for every record that still exists |
/// | [#META] | tag (, name) | counters of the keyspace; under keyspace 0 those of the store |
///
/// RocksDB's own `default` family stays empty.
public enum Family {
    /// Live records: nearly every read is one lookup or one contiguous scan here.
    CURRENT(0, "current"),
    /// Superseded records and tombstones, for reads at an older revision.
    VERSIONS(1, "versions"),
    /// Changes in revision order, for watches, compaction and hashing.
    EVENTS(2, "events"),
    /// Revisions, compaction marks, the applied position, members.
    META(3, "meta");

    private final int slot;
    private final String familyName;

    Family(int slot, String familyName) {
        this.slot = slot;
        this.familyName = familyName;
    }

    /// Its place in arrays that hold something for each family.
    int slot() {
        return slot;
    }

    /// The name on disk.
    String familyName() {
        return familyName;
    }
}
