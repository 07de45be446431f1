package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class StreamPacerTest {
    private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long NANOS_MAX = 8 * MS;

    private long now = System.nanoTime();
    private StreamPacer pacer = new StreamPacer(NANOS_MAX, now);

    /// Entries of a stream, each of which goes when the pacer lets it. Commands come at a fixed distance, whatever else happens.
    private void stream(int entries, long flightNanos, long distanceNanos) {
        long arrival = now;
        long ended = now;
        for (int i = 0; i < entries; i++) {
            int early = 0;
            int commands = 0;
            while (arrival <= now || commands == 0) {
                early += arrival <= ended ? 1 : 0;
                commands++;
                now = Math.max(now, arrival);
                arrival += distanceNanos;
                if (arrival > now) {
                    long wait = StreamPacer.isEnough(commands) ? 0 : pacer.nanosToWait(now);
                    now += wait;
                }
            }
            pacer.began(commands, early, now);
            now += flightNanos;
            pacer.ended(now);
            ended = now;
        }
    }

    @Test
    void aStreamWaitsTwiceAsLongAsAnEntryTakes() {
        stream(50, 2 * MS, MS / 2);

        assertThat(pacer.nanosToWait(now)).isEqualTo(4 * MS);
        assertThat(pacer.nanosToWait(now + 3 * MS)).isEqualTo(MS);
        assertThat(pacer.nanosToWait(now + 4 * MS)).isZero();
        assertThat(pacer.nanosForOthers()).isEqualTo(3 * MS);
    }

    @Test
    void noEntryWaitsLongerThanItMay() {
        stream(50, 20 * MS, MS);

        assertThat(pacer.nanosToWait(now)).isEqualTo(NANOS_MAX);
    }

    @Test
    void aSlowStreamDoesNotWaitForNobody() {
        stream(50, 2 * MS, 5 * MS);

        assertThat(pacer.nanosToWait(now)).isZero();
        assertThat(pacer.nanosForOthers()).isZero();
    }

    @Test
    void aSlowStreamDoesNotKeepAWriterWaitingThatComesBackAtOnce() {
        // Its commands make two of five, by half of which it would be a stream.
        for (int i = 0; i < 100; i++) {
            now += MS / 10;
            assertThat(pacer.nanosToWait(now)).isZero();
            boolean withStream = i % 5 < 2;
            pacer.began(withStream ? 2 : 1, withStream ? 1 : 0, now);
            now += 2 * MS;
            pacer.ended(now);
        }
    }

    @Test
    void clientsThatComeBackWhenTheyAreAnsweredDoNotWait() {
        for (int i = 0; i < 100; i++) {
            now += MS / 10;
            assertThat(pacer.nanosToWait(now)).isZero();
            pacer.began(20, 0, now);
            now += 2 * MS;
            pacer.ended(now);
        }
    }

    @Test
    void clientsThatTakeTurnsInTwoBatchesMeet() {
        // While one ten are under way, the other ten come.
        int waiting = 10;
        int early = 10;
        int entries = 0;
        while (pacer.nanosToWait(now) == 0) {
            pacer.began(waiting, early, now);
            now += 2 * MS;
            pacer.ended(now);
            entries++;
            assertThat(entries).isLessThan(10);
        }

        // They all come back together from now on.
        waiting = 20;
        while (pacer.nanosToWait(now) > 0) {
            now += pacer.nanosToWait(now);
            pacer.began(waiting, 0, now);
            now += 2 * MS;
            pacer.ended(now);
            entries++;
            assertThat(entries).isLessThan(40);
        }
        assertThat(entries).isPositive();
    }

    @Test
    void aStreamThatEndsIsForgotten() {
        stream(50, 2 * MS, MS / 2);
        assertThat(pacer.nanosToWait(now)).isPositive();

        stream(50, 2 * MS, 50 * MS);

        assertThat(pacer.nanosToWait(now)).isZero();
    }

    @Test
    void withoutLeaveToWaitNoneDoes() {
        pacer = new StreamPacer(0, now);

        stream(50, 2 * MS, MS / 2);

        assertThat(pacer.nanosToWait(now)).isZero();
    }
}
