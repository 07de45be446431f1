package io.lattice.statemachine.apply;

/// What a put needs to know about leases. Apply thread only; must answer from replicated state alone.
@FunctionalInterface
public interface LeaseLookup {
    /// No lease exists: every attachment is refused.
    LeaseLookup NONE = (keyspace, lease) -> false;

    /// Whether a lease with this non-zero id exists in the keyspace.
    boolean exists(int keyspace, long lease);
}
