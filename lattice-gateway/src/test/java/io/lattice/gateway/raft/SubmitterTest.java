package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SubmitterTest {
    /// Longer than any test takes.
    private static final long ENDLESS_NANOS = TimeUnit.SECONDS.toNanos(1_000);

    private final ReentrantLock lock = new ReentrantLock();
    private final FakeSource source = new FakeSource();
    private final Submitter submitter = new Submitter(lock, source);
    private final SynchronousQueue<String> sent = new SynchronousQueue<>();
    private final AtomicReference<@Nullable Throwable> died = new AtomicReference<>();

    /// One thing that waits, and can be taken when its time has come.
    private final class FakeSource implements Submitter.Source {
        private @Nullable String waits;
        private long dueNanos;
        private final CountDownLatch asked = new CountDownLatch(1);

        @Override
        public @Nullable Runnable take() {
            String next = waits;
            if (next == null || nanosToNext() > 0) {
                return null;
            }
            waits = null;
            return () -> send(next);
        }

        @Override
        public boolean isReady() {
            return waits != null;
        }

        @Override
        public long nanosToNext() {
            asked.countDown();
            return waits == null ? Long.MAX_VALUE : Math.max(0, dueNanos - System.nanoTime());
        }
    }

    private void send(String what) {
        try {
            sent.put(what);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void put(String what, long nanos) {
        lock.lock();
        try {
            source.waits = what;
            source.dueNanos = System.nanoTime() + nanos;
            submitter.wake();
        } finally {
            lock.unlock();
        }
    }

    private String next() throws InterruptedException {
        String next = sent.poll(10, TimeUnit.SECONDS);
        return next == null ? "nothing" : next;
    }

    /// The thread sleeps until something is due that never is.
    private void startWaitingFor(String what) throws InterruptedException {
        source.waits = what;
        source.dueNanos = System.nanoTime() + ENDLESS_NANOS;
        submitter.start(died::set);
        assertThat(source.asked.await(10, TimeUnit.SECONDS)).isTrue();
    }

    @AfterEach
    void stop() {
        lock.lock();
        try {
            submitter.stop();
        } finally {
            lock.unlock();
        }
        assertThat(died).hasNullValue();
    }

    @Test
    void whatIsDueIsSentAtOnce() throws InterruptedException {
        submitter.start(died::set);

        put("a", 0);
        assertThat(next()).isEqualTo("a");
        put("b", 0);
        assertThat(next()).isEqualTo("b");
    }

    @Test
    void whatIsDueLaterIsSentThen() throws InterruptedException {
        submitter.start(died::set);
        long before = System.nanoTime();

        put("a", TimeUnit.MILLISECONDS.toNanos(20));

        assertThat(next()).isEqualTo("a");
        assertThat(System.nanoTime() - before)
                .isGreaterThanOrEqualTo(TimeUnit.MILLISECONDS.toNanos(20));
    }

    @Test
    void whatIsDueSoonerThanItWasIsSentSooner() throws InterruptedException {
        startWaitingFor("a");

        // Not due when the thread is woken either.
        put("b", TimeUnit.MILLISECONDS.toNanos(20));

        assertThat(next()).isEqualTo("b");
    }

    @Test
    void whatCanBeTakenAfterAllIsSentWhenTheThreadIsWokenAnyway() throws InterruptedException {
        startWaitingFor("a");

        lock.lock();
        try {
            source.dueNanos = System.nanoTime();
            submitter.wakeAnyway();
        } finally {
            lock.unlock();
        }

        assertThat(next()).isEqualTo("a");
    }
}
