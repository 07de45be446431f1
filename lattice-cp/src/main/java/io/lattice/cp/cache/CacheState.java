package io.lattice.cp.cache;

/// How fresh a node's manifest is, and what that allows. Plain writes and serializable reads are allowed in every state.
public enum CacheState {
    /// Confirmed within the TTL.
    FRESH(0, "Fresh"),
    /// Within TTL and grace.
    CACHED(1, "Cached"),
    /// Within twice TTL and grace.
    STALE(2, "Stale"),
    /// Older, or never confirmed.
    EXPIRED(3, "Expired");

    private final int value;
    private final String title;

    CacheState(int value, String title) {
        this.value = value;
        this.title = title;
    }

    /// The number that stands for it in metrics.
    public int value() {
        return value;
    }

    /// Whether linearizable reads, compares, and watches from now on may be served.
    public boolean allowsLinearizable() {
        return this == FRESH || this == CACHED;
    }

    /// Whether leases may be granted, and the cluster administered.
    public boolean allowsAdministration() {
        return this != EXPIRED;
    }

    /// The state's name as people write it: `Fresh`.
    @Override
    public String toString() {
        return title;
    }
}
