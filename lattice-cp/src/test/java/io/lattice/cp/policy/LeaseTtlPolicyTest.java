package io.lattice.cp.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LeaseTtlPolicyTest {
    private static final LeaseTtlPolicy POLICY =
            new LeaseTtlPolicy(
                    Duration.ofSeconds(2), Duration.ofSeconds(60), Duration.ofSeconds(3600));

    @ParameterizedTest
    @CsvSource({"0, 60", "-5, 60", "1, 2", "3, 3", "3600, 3600", "3601, 3600"})
    void grantsTheDefaultForNoneAndKeepsOthersWithinTheBounds(long asked, long granted) {
        assertThat(POLICY.grant(asked)).isEqualTo(granted);
    }

    @Test
    void refusesBoundsOutOfOrder() {
        assertRefused(Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ofSeconds(1));
        assertRefused(Duration.ofSeconds(2), Duration.ofSeconds(1), Duration.ofSeconds(3));
        assertRefused(Duration.ZERO, Duration.ofSeconds(1), Duration.ofSeconds(1));
    }

    private static void assertRefused(Duration minimum, Duration defaultTtl, Duration maximum) {
        assertThatThrownBy(() -> new LeaseTtlPolicy(minimum, defaultTtl, maximum))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
