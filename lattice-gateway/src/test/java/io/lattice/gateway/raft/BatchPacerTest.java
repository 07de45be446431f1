package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class BatchPacerTest {
    private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);

    private final BatchPacer pacer = new BatchPacer();
    private long now = System.nanoTime();

    /// One batch of a given size, sent and answered.
    private void batch(int size) {
        pacer.began(size);
        pacer.ended(now);
    }

    @Test
    void aLoneClientNeverWaits() {
        for (int i = 0; i < 100; i++) {
            assertThat(pacer.nanosToWait(1, now)).isZero();
            batch(1);
        }
    }

    @Test
    void aBatchWaitsForTheSizeOfTheLast() {
        batch(40);

        assertThat(pacer.nanosToWait(39, now)).isPositive();
        assertThat(pacer.nanosToWait(40, now)).isZero();
    }

    @Test
    void noBatchWaitsLongerThanServingTheLastTook() {
        batch(40);
        assertThat(pacer.nanosToWait(1, now)).isLessThanOrEqualTo(4 * MS);
        assertThat(pacer.nanosToWait(1, now + 4 * MS)).isZero();

        batch(100_000);
        assertThat(pacer.nanosToWait(1, now)).isLessThanOrEqualTo(8 * MS);
    }

    @Test
    void aSizeThatIsNotReachedAnyMoreIsForgotten() {
        batch(1_000);
        int batches = 0;
        while (pacer.nanosToWait(2, now) > 0) {
            batch(2);
            batches++;
            assertThat(batches).isLessThan(200);
        }
        assertThat(batches).isPositive();
    }

    @Test
    void groupsThatTakeTurnsMeet() {
        // Two groups of ten: while one's batch is under way the other waits, and goes when it ends.
        int[] sizes = new int[20];
        int waiting = 10;
        for (int i = 0; i < sizes.length; i++) {
            boolean probes = pacer.nanosToWait(waiting, now) > 0;
            sizes[i] = probes ? 20 : waiting;
            batch(sizes[i]);
            waiting = probes || waiting == 20 ? 20 : 10;
        }

        assertThat(sizes[19]).as("both in one batch").isEqualTo(20);
    }
}
