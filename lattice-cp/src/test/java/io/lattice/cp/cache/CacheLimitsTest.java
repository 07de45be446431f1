package io.lattice.cp.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CacheLimitsTest {
    private static final CacheLimits LIMITS =
            new CacheLimits(Duration.ofSeconds(300), Duration.ofMillis(30_000));

    @ParameterizedTest
    @CsvSource({
        "0, FRESH",
        "300000000000, FRESH",
        "300000000001, CACHED",
        "330000000000, CACHED",
        "330000000001, STALE",
        "660000000000, STALE",
        "660000000001, EXPIRED",
        "9223372036854775807, EXPIRED",
    })
    void eachBoundaryBelongsToTheBetterState(long ageNanos, CacheState state) {
        assertThat(LIMITS.state(ageNanos)).isEqualTo(state);
    }

    @Test
    void withoutGraceNothingIsCached() {
        CacheLimits limits = new CacheLimits(Duration.ofSeconds(1), Duration.ZERO);

        assertThat(limits.state(1_000_000_000L)).isEqualTo(CacheState.FRESH);
        assertThat(limits.state(1_000_000_001L)).isEqualTo(CacheState.STALE);
        assertThat(limits.state(2_000_000_001L)).isEqualTo(CacheState.EXPIRED);
    }

    @ParameterizedTest
    @CsvSource({
        "FRESH, true, true",
        "CACHED, true, true",
        "STALE, false, true",
        "EXPIRED, false, false",
    })
    void statesAllowWhatTheTableSays(
            CacheState state, boolean linearizable, boolean administration) {
        assertThat(state.allowsLinearizable()).isEqualTo(linearizable);
        assertThat(state.allowsAdministration()).isEqualTo(administration);
    }

    @Test
    void refusesLimitsThatMakeNoSense() {
        assertThatThrownBy(() -> new CacheLimits(Duration.ZERO, Duration.ZERO))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new CacheLimits(Duration.ofSeconds(1), Duration.ofMillis(-1)))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
