package io.lattice.cp.cache;

import java.time.Duration;

/// Up to which age a manifest is in which state.
///
/// @param ttl up to this age it is fresh; positive
/// @param grace what it may be older than that before it is stale
public record CacheLimits(Duration ttl, Duration grace) {
    public CacheLimits {
        if (ttl.isNegative() || ttl.isZero() || grace.isNegative()) {
            throw new IllegalArgumentException(
                    "cache limits: found ttl "
                            + ttl
                            + " and grace "
                            + grace
                            + "; allowed a positive ttl and a grace of 0 or more");
        }
    }

    /// The state at an age. A boundary belongs to the better state.
    ///
    /// @param ageNanos since the control plane last confirmed the manifest
    public CacheState state(long ageNanos) {
        // First and without an object: requests ask.
        if (ageNanos <= ttl.toNanos()) {
            return CacheState.FRESH;
        }
        long usable = ttl.plus(grace).toNanos();
        if (ageNanos <= usable) {
            return CacheState.CACHED;
        }
        return ageNanos <= 2 * usable ? CacheState.STALE : CacheState.EXPIRED;
    }

    /// The greatest age at which a manifest isn't expired.
    public Duration expiry() {
        return ttl.plus(grace).multipliedBy(2);
    }
}
