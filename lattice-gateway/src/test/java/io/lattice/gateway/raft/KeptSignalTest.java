package io.lattice.gateway.raft;

import static java.util.concurrent.TimeUnit.MINUTES;
import static java.util.concurrent.TimeUnit.NANOSECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class KeptSignalTest {
    private final KeptSignal signal = new KeptSignal("test");

    @Test
    void aSignalThatComesBeforeAnybodyWaitsIsKept() throws InterruptedException {
        signal.signal();

        assertThat(signal.await(1, MINUTES)).isTrue();
    }

    @Test
    void aSignalWakesOnce() throws InterruptedException {
        signal.signal();
        signal.signal();

        assertThat(signal.await(1, MINUTES)).isTrue();
        assertThat(signal.await(1, NANOSECONDS)).isFalse();
    }

    @Test
    void anUnboundedWaitTakesAKeptSignalToo() throws InterruptedException {
        signal.signal();

        signal.await();

        assertThat(signal.await(1, NANOSECONDS)).isFalse();
    }

    @Test
    void aWaiterIsWoken() throws InterruptedException {
        BlockingQueue<Boolean> woken = new ArrayBlockingQueue<>(1);
        Thread waiter =
                Thread.ofPlatform()
                        .start(() -> {
                            try {
                                woken.add(signal.await(1, MINUTES));
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                        });
        await().until(() -> waiter.getState() == Thread.State.TIMED_WAITING);

        signal.signal();

        assertThat(woken.take()).isTrue();
    }

    @Test
    void anInterruptEndsTheWait() {
        Thread.currentThread().interrupt();

        assertThatThrownBy(() -> signal.await(1, MINUTES)).isInstanceOf(InterruptedException.class);
        assertThat(Thread.interrupted()).isFalse();
    }

    @Test
    void noSignalIsLostBetweenTwoThreads() throws InterruptedException {
        int rounds = 50_000;
        KeptSignal answer = new KeptSignal("answer");
        Thread echo =
                Thread.ofPlatform()
                        .start(() -> {
                            try {
                                for (int i = 0; i < rounds; i++) {
                                    signal.await();
                                    answer.signal();
                                }
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                        });

        for (int i = 0; i < rounds; i++) {
            signal.signal();
            assertThat(answer.await(10, java.util.concurrent.TimeUnit.SECONDS)).isTrue();
        }

        echo.join();
    }
}
