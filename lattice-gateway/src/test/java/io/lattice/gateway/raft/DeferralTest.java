package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class DeferralTest {
    private final FrozenTime time = new FrozenTime();
    private final List<Long> told = new ArrayList<>();
    private final Deferral deferral = new Deferral(time, 100, told::add);

    @Test
    void aNumberIsToldOfOnceAfterThePause() {
        deferral.defer(7);
        assertThat(told).isEmpty();

        time.endPause();

        assertThat(told).containsExactly(7L);
        assertThat(time.pauses()).isZero();
    }

    @Test
    void whatGrowsIsToldOfWhenItRests() {
        deferral.defer(1);
        time.pass(60);
        deferral.defer(2);
        assertThat(time.pauses()).as("one timer for both").isOne();
        time.endPause();
        time.pass(30);
        deferral.defer(3);
        time.endPause();
        assertThat(told).isEmpty();

        time.endPause();

        assertThat(told).containsExactly(3L);
        assertThat(time.pauses()).isZero();
    }

    @Test
    void whoCantWaitIsToldAtOnceAndNobodyTwice() {
        deferral.defer(4);

        deferral.settle();
        time.endPause();
        deferral.settle();

        assertThat(told).containsExactly(4L);
    }

    @Test
    void aLateCallerDoesNotGoBack() {
        deferral.defer(9);
        deferral.defer(8);

        time.endPause();

        assertThat(told).containsExactly(9L);
    }
}
