package io.lattice.cp.policy;

import java.time.Duration;

/// The TTLs that a tenant's leases may have.
///
/// @param minimum what a lease gets that asks for less
/// @param defaultTtl what a lease gets that asks for none; at least the minimum
/// @param maximum the longest; at least the default
public record LeaseTtlPolicy(Duration minimum, Duration defaultTtl, Duration maximum) {
    public LeaseTtlPolicy {
        if (minimum.isNegative() || minimum.isZero()) {
            throw new IllegalArgumentException(
                    "minimum TTL: found " + minimum + "; allowed more than zero");
        }
        if (defaultTtl.compareTo(minimum) < 0) {
            throw new IllegalArgumentException(
                    "default TTL: found " + defaultTtl + "; allowed " + minimum + " or more");
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
        return seconds <= 0
                ? defaultTtl.toSeconds()
                : Math.clamp(seconds, minimum.toSeconds(), maximum.toSeconds());
    }
}
