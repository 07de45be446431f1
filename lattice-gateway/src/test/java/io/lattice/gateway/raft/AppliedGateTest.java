package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AppliedGateTest {
    private static final long NEVER = Long.MAX_VALUE / 2;

    private final AppliedGate gate = new AppliedGate();
    private final List<String> events = new ArrayList<>();

    private void await(String name, long index, long deadlineNanos) {
        gate.await(
                index,
                deadlineNanos,
                () -> events.add(name),
                failure -> events.add(name + " " + failure));
    }

    @Test
    void whatIsAppliedAlreadyRunsAtOnce() {
        gate.advance(7);

        await("at 7", 7, NEVER);
        await("at 3", 3, NEVER);

        assertThat(events).containsExactly("at 7", "at 3");
    }

    @Test
    void aWaiterRunsOnceWhenItsIndexIsReachedAndNotBefore() {
        await("at 5", 5, NEVER);

        gate.advance(4);
        assertThat(events).isEmpty();

        gate.advance(5);
        gate.advance(6);
        assertThat(events).containsExactly("at 5");
    }

    @Test
    void aLeapReleasesAllThatItPasses() {
        await("at 9", 9, NEVER);
        await("at 2", 2, NEVER);
        await("at 4", 4, NEVER);

        gate.advance(5);

        assertThat(events).containsExactly("at 2", "at 4");
    }

    @Test
    void aLowerIndexDoesNotTakeTheGateBack() {
        gate.advance(5);

        gate.advance(3);
        await("at 5", 5, NEVER);

        assertThat(events).containsExactly("at 5");
    }

    @Test
    void aWaiterExpiresOnceAtItsDeadlineAndNoOther() {
        await("soon", 5, 100);
        await("later", 5, 200);

        gate.expire(99);
        assertThat(events).isEmpty();

        gate.expire(100);
        gate.expire(101);
        gate.advance(5);
        assertThat(events).containsExactly("soon TIMED_OUT", "later");
    }

    @Test
    void aWaiterTooManyIsRefusedAtOnceAndTheOthersStay() {
        for (int i = 0; i < AppliedGate.WAITING_MAX; i++) {
            await("kept", 5, NEVER);
        }

        await("one more", 5, NEVER);

        assertThat(events).containsExactly("one more TOO_MANY_REQUESTS");
        gate.advance(5);
        assertThat(events).hasSize(1 + AppliedGate.WAITING_MAX);
    }

    @Test
    void deadlinesMayWrapAroundAsNanoTimeDoes() {
        long now = Long.MAX_VALUE - 10;
        await("wrapped", 5, now + 20);

        gate.expire(now);
        assertThat(events).isEmpty();

        gate.expire(now + 21);
        assertThat(events).containsExactly("wrapped TIMED_OUT");
    }

    @Test
    void noWaiterIsLostWhileTheIndexMoves() throws InterruptedException {
        int indices = 20_000;
        AtomicInteger released = new AtomicInteger();
        CountDownLatch all = new CountDownLatch(2 * indices);
        Runnable waits =
                () ->
                        IntStream.range(0, indices)
                                .forEach(i ->
                                        gate.await(
                                                i,
                                                NEVER,
                                                () -> {
                                                    released.incrementAndGet();
                                                    all.countDown();
                                                },
                                                failure -> {}));

        Thread first = Thread.ofPlatform().start(waits);
        Thread second = Thread.ofPlatform().start(waits);
        IntStream.range(0, indices).forEach(gate::advance);
        first.join();
        second.join();

        assertThat(all.await(10, TimeUnit.SECONDS)).isTrue();
        assertThat(released).hasValue(2 * indices);
    }
}
