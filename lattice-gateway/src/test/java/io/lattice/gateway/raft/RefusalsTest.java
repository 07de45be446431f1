package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.protocol.exceptions.ResourceUnavailableException;
import org.junit.jupiter.api.Test;

class RefusalsTest {
    private static final Throwable FULL =
            new CompletionException(new ResourceUnavailableException("no permit"));

    private final Refusals refusals = new Refusals();

    private static long ms(long ms) {
        return TimeUnit.MILLISECONDS.toNanos(ms);
    }

    @Test
    void theyLastFromTheFirstToTheLast() {
        for (int at = 0; at <= 5_000; at += 10) {
            refusals.notAppended(FULL, ms(at));
        }

        assertThat(refusals.nanos(ms(5_001))).isEqualTo(ms(5_000));
    }

    @Test
    void anEntryThatIsTakenEndsThem() {
        refusals.notAppended(FULL, ms(0));
        refusals.notAppended(FULL, ms(900));
        refusals.taken();
        assertThat(refusals.nanos(ms(900))).isZero();

        refusals.notAppended(FULL, ms(1_000));
        assertThat(refusals.nanos(ms(1_000))).isZero();
    }

    @Test
    void anotherReasonEndsThem() {
        refusals.notAppended(FULL, ms(0));
        refusals.notAppended(FULL, ms(900));

        refusals.notAppended(new IllegalStateException("not the leader"), ms(910));

        assertThat(refusals.nanos(ms(910))).isZero();
    }

    @Test
    void nothingIsKnownOnceNobodyTriesAnyMore() {
        refusals.notAppended(FULL, ms(0));
        refusals.notAppended(FULL, ms(900));
        assertThat(refusals.nanos(ms(1_900))).isEqualTo(ms(900));
        assertThat(refusals.nanos(ms(1_901))).isZero();

        refusals.notAppended(FULL, ms(9_000));
        assertThat(refusals.nanos(ms(9_000))).isZero();
    }
}
