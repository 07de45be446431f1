package io.lattice.cp.policy;

import java.time.Duration;

/// The TTLs that a tenant's leases may have.
///
/// @param defaultTtl what a lease gets that asks for none
/// @param maximum the longest; at least the default
public record LeaseTtlPolicy(Duration defaultTtl, Duration maximum) {
    public LeaseTtlPolicy {
        if (defaultTtl.isNegative() || defaultTtl.isZero()) {
            throw new IllegalArgumentException(
                    "default TTL: found " + defaultTtl + "; allowed more than zero");
        }
        if (maximum.compareTo(defaultTtl) < 0) {
            throw new IllegalArgumentException(
                    "maximum TTL: found " + maximum + "; allowed " + defaultTtl + " or more");
        }
    }

    /// The TTL that a lease is granted.
    ///
    /// @param seconds what the client asks for; zero or less is none in particular
    /// @return in seconds
    public long grant(long seconds) {
        return seconds <= 0 ? defaultTtl.toSeconds() : Math.min(seconds, maximum.toSeconds());
    }
}
