package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class StreamDetectorTest {
    private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);

    private final StreamDetector detector = new StreamDetector();
    private long now = System.nanoTime();

    @Test
    void clientsThatComeBackWhenTheyAreAnsweredAreNoStream() {
        came(1_000, 0);

        assertThat(detector.isStream()).isFalse();
    }

    @Test
    void whatComesAsOftenWhileOthersAreUnderWayAsOtherwiseIsOne() {
        came(3, 1);
        assertThat(detector.isStream()).as("not by chance").isFalse();

        came(1_000, 3);

        assertThat(detector.isStream()).isTrue();
    }

    @Test
    void aFewThatMeetByChanceAreNone() {
        came(10_000, 16);

        assertThat(detector.isStream()).isFalse();
    }

    @Test
    void aStreamThatEndsIsForgotten() {
        came(1_000, 1);
        assertThat(detector.isStream()).isTrue();

        came(200, 0);

        assertThat(detector.isStream()).isFalse();
    }

    @Test
    void afterAPauseNothingIsKnown() {
        came(1_000, 1);
        now += 250 * MS;

        came(1, 1);

        assertThat(detector.isStream()).isFalse();
    }

    /// So many commands, a millisecond apart, each `earlyEvery`-th of which while others were under way; none with 0.
    private void came(int commands, int earlyEvery) {
        for (int i = 1; i <= commands; i++) {
            now += MS;
            detector.came(earlyEvery > 0 && i % earlyEvery == 0, now);
        }
    }
}
