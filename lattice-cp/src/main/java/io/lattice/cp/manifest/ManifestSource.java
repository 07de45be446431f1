package io.lattice.cp.manifest;

import io.lattice.cp.cache.CacheState;
import java.time.Duration;

/// Where a node's manifest comes from.
@FunctionalInterface
public interface ManifestSource {
    /// The newest manifest that is known; [Manifest#EMPTY] before there is any. Never blocks; any
    /// thread may call it.
    Manifest current();

    /// How fresh it is. Never blocks; any thread may call it, on the way of each request too. A source without a control
    /// plane is always fresh.
    default CacheState state() {
        return CacheState.FRESH;
    }

    /// The time since the control plane last confirmed it.
    default Duration age() {
        return Duration.ZERO;
    }
}
