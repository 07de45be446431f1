package io.lattice.statemachine.storage;

/// The column families. Every key in them begins with the four-byte big-endian keyspace id, see [KeyCodec].
///
/// | family | key after the keyspace | value |
/// |---|---|---|
/// | [#CURRENT] | user key | the live record of the key |
/// | [#VERSIONS] | escaped user key, inverted revision | nothing; for deletions and some superseded records |
/// | [#EVENTS] | revision | a change: its kind, the revision it superseded, user key, the record it made |
/// | [#LEASES] | lease id | TTL, deadline |
/// | [#LEASE_KEYS] | lease id, user key | nothing; for each live record that has a lease |
/// | [#META] | tag (, name) | counters of the keyspace; under keyspace 0 those of the store |
///
/// A value is written twice at a put: to CURRENT, where reads want it beside its key, and to EVENTS, where it stays when it is
/// superseded. EVENTS is written in key order, which costs RocksDB little: no search on insert, no rewriting in compactions.
/// To supersede a record thus needs the old record's header only. VERSIONS is where a read at an older revision enters EVENTS.
///
/// RocksDB's own `default` family stays empty.
public enum Family {
    /// Live records: nearly every read is one lookup or one contiguous scan here.
    CURRENT(0, "current"),
    /// Places in a key's history, for reads at an older revision.
    VERSIONS(1, "versions"),
    /// Changes in revision order, for older revisions, watches, compaction and hashing.
    EVENTS(2, "events"),
    /// Revisions, compaction marks, the applied position, members.
    META(3, "meta"),
    /// Leases, with deadlines in replicated time.
    LEASES(4, "leases"),
    /// The keys that go with a lease.
    LEASE_KEYS(5, "lease_keys");

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
