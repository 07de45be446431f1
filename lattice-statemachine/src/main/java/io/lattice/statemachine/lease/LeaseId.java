package io.lattice.statemachine.lease;

/// A lease among all tenants' leases.
record LeaseId(int keyspace, long id) implements Comparable<LeaseId> {
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
