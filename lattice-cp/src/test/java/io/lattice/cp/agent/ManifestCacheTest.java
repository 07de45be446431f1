package io.lattice.cp.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.cp.cache.CacheLimits;
import io.lattice.cp.cache.CacheState;
import io.lattice.cp.document.ManifestDocuments;
import io.lattice.cp.manifest.Manifest;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ManifestCacheTest {
    private static final ManifestDocuments DOCUMENTS = ManifestCopyFileTest.documents("h1:2380");
    private static final Manifest MANIFEST =
            new Manifest(
                    java.util.Map.of(),
                    java.util.Map.of(
                            "g1",
                            new Manifest.Group(
                                    java.util.List.of(new Manifest.Replica("n1", "h1:2380")))));

    private long nanos;

    private ManifestCache cache() {
        return new ManifestCache(
                new CacheLimits(Duration.ofSeconds(3), Duration.ofSeconds(1)), () -> nanos);
    }

    @Test
    void withoutAManifestItIsExpiredHoweverEarly() {
        ManifestCache cache = cache();
        nanos += 5;

        assertThat(cache.state()).isEqualTo(CacheState.EXPIRED);
        assertThat(cache.age()).isEqualTo(Duration.ofNanos(5));
        assertThat(cache.held().manifest()).isSameAs(Manifest.EMPTY);
    }

    /// System.nanoTime may begin anywhere, and wrap.
    @ParameterizedTest
    @ValueSource(longs = {0, -1_000_000_000_000L, Long.MAX_VALUE - 1, Long.MIN_VALUE})
    void agesByTheClockWhereverThatBegins(long begin) {
        nanos = begin;
        ManifestCache cache = cache();

        cache.confirm(MANIFEST, DOCUMENTS, nanos);

        assertThat(cache.state()).isEqualTo(CacheState.FRESH);
        nanos += 3_000_000_000L;
        assertThat(cache.state()).isEqualTo(CacheState.FRESH);
        nanos += 1;
        assertThat(cache.state()).isEqualTo(CacheState.CACHED);
        nanos += 1_000_000_000L;
        assertThat(cache.state()).isEqualTo(CacheState.STALE);
        nanos += 4_000_000_000L;
        assertThat(cache.state()).isEqualTo(CacheState.EXPIRED);
        assertThat(cache.age()).isEqualTo(Duration.ofNanos(8_000_000_001L));
        cache.confirm(MANIFEST, DOCUMENTS, nanos);
        assertThat(cache.state()).isEqualTo(CacheState.FRESH);
    }

    @Test
    void aLateConfirmationDoesNotMakeItOlder() {
        ManifestCache cache = cache();
        nanos = 10_000_000_000L;
        cache.confirm(MANIFEST, DOCUMENTS, nanos);

        cache.confirm(MANIFEST, DOCUMENTS, nanos - 9_000_000_000L);

        assertThat(cache.age()).isZero();
    }
}
