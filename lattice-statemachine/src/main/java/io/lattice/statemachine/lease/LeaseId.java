package io.lattice.statemachine.lease;

import org.jspecify.annotations.Nullable;

/// A lease among all tenants' leases.
record LeaseId(int keyspace, long id) implements Comparable<LeaseId> {
    // The record's own would cost more than the rest of a lookup.
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof LeaseId that && id == that.id && keyspace == that.keyspace;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(id) + 31 * keyspace;
    }

    @Override
    public int compareTo(LeaseId other) {
        int order = Integer.compareUnsigned(keyspace, other.keyspace);
        return order != 0 ? order : Long.compare(id, other.id);
    }
}
