package io.lattice.gateway.raft;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The thread that sends a proposer's batches: submitting to Ratis may block, and whoever brings a command mustn't.
///
/// All but [#start] and the thread itself is called by holders of the proposer's lock.
final class Submitter {
    /// By less than this it isn't worth while to be woken earlier.
    private static final long SLACK_NANOS = TimeUnit.MICROSECONDS.toNanos(100);

    private final ReentrantLock lock;
    private final Condition work;
    private final Source source;
    private final Thread thread;

    // Guarded by lock.
    private boolean idle;
    private boolean timed;
    private long wakesNanos;
    private boolean stopped;

    /// What there is to send. Called with the lock held.
    interface Source {
        /// The next thing to send, registered as under way, or null if there is none now. It is run without the lock.
        @Nullable Runnable take();

        /// Whether something waits, and for nothing that is under way.
        boolean isReady();

        /// Nanoseconds until it is worth while to ask for the next thing: 0 if it can be taken, and for ever ([Long#MAX_VALUE]) if it waits
        /// for something that wakes the thread.
        long nanosToNext();
    }

    /// @param lock the proposer's
    Submitter(ReentrantLock lock, Source source) {
        this.lock = lock;
        this.work = lock.newCondition();
        this.source = source;
        this.thread = Thread.ofPlatform().name("lattice-proposer").daemon().unstarted(this::run);
    }

    /// Begins to send.
    ///
    /// @param died told if the thread dies: nothing would ever be sent again
    void start(Consumer<Throwable> died) {
        thread.setUncaughtExceptionHandler((_, e) -> died.accept(e));
        thread.start();
    }

    /// Wakes the thread if there is something to do before it wakes by itself: that spares one wake-up for each command that only joins others.
    void wake() {
        if (idle && source.isReady() && isSooner(source.nanosToNext())) {
            work.signal();
        }
    }

    private boolean isSooner(long nanos) {
        return nanos == 0
                || !timed
                || (nanos != Long.MAX_VALUE
                        && System.nanoTime() + nanos - wakesNanos < -SLACK_NANOS);
    }

    /// Wakes the thread, since what it can do may have changed altogether.
    void wakeAnyway() {
        work.signal();
    }

    /// Ends the thread.
    void stop() {
        stopped = true;
        work.signal();
    }

    private void run() {
        while (true) {
            Runnable next;
            lock.lock();
            try {
                next = await();
            } catch (InterruptedException e) {
                // Only stop() ends this thread, and not by interrupting it.
                throw new IllegalStateException("the proposer's thread was interrupted", e);
            } finally {
                lock.unlock();
            }
            if (next == null) {
                return;
            }
            next.run();
        }
    }

    /// The next thing to send, or null once stopped.
    private @Nullable Runnable await() throws InterruptedException {
        while (!stopped) {
            Runnable next = source.take();
            if (next != null) {
                return next;
            }
            long nanos = source.nanosToNext();
            idle = true;
            if (nanos == Long.MAX_VALUE) {
                work.await();
            } else if (nanos > 0) {
                timed = true;
                wakesNanos = System.nanoTime() + nanos;
                work.awaitNanos(nanos);
                timed = false;
            }
            idle = false;
        }
        return null;
    }
}
