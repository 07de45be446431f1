package io.lattice.cp.agent;

import io.lattice.cp.cache.CacheLimits;
import io.lattice.cp.cache.CacheState;
import io.lattice.cp.document.ManifestDocuments;
import io.lattice.cp.manifest.Manifest;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// The manifest that a node goes by, and when the control plane last confirmed it. Written by one thread, read by all.
final class ManifestCache {
    private final CacheLimits limits;
    private final LongSupplier nanos;
    private final long startNanos;
    private volatile Held held;

    /// @param documents what the manifest was made of; null if there is none yet
    /// @param confirmedNanos by the clock; meaningless if there is no manifest
    record Held(Manifest manifest, @Nullable ManifestDocuments documents, long confirmedNanos) {}

    /// @param nanos a clock that never goes back, like System.nanoTime
    ManifestCache(CacheLimits limits, LongSupplier nanos) {
        this.limits = limits;
        this.nanos = nanos;
        this.startNanos = nanos.getAsLong();
        this.held = new Held(Manifest.EMPTY, null, startNanos);
    }

    /// Takes a manifest up, or confirms the one there is. A confirmation that came late doesn't undo a later one.
    void confirm(Manifest manifest, ManifestDocuments documents, long confirmedNanos) {
        Held before = held;
        boolean later = before.documents() == null || confirmedNanos - before.confirmedNanos() > 0;
        held = new Held(manifest, documents, later ? confirmedNanos : before.confirmedNanos());
    }

    Held held() {
        return held;
    }

    CacheState state() {
        Held now = held;
        return now.documents() == null
                ? CacheState.EXPIRED
                : limits.state(nanos.getAsLong() - now.confirmedNanos());
    }

    /// Without a manifest, the time since the node started.
    Duration age() {
        return Duration.ofNanos(Math.max(0, nanos.getAsLong() - held.confirmedNanos()));
    }
}
