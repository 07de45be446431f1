package io.lattice.gateway.raft;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The thread that sends a proposer's batches: submitting to Ratis may block, and whoever brings a command mustn't.
///
/// All but [#start] and the thread itself is called by holders of the proposer's lock.
final class Submitter {
    private final ReentrantLock lock;
    private final Condition work;
    private final Source source;
    private final Thread thread;

    // Guarded by lock.
    private boolean idle;
    private boolean paced;
    private boolean stopped;

    /// What there is to send. Called with the lock held.
    interface Source {
        /// The next thing to send, registered as under way, or null if there is none now. It is run without the lock.
        @Nullable Runnable take();

        /// Whether something waits, and for nothing that is under way.
        boolean isReady();

        /// Nanoseconds until what waits may go: 0 if now, as far as time is concerned, and for ever
        /// ([Long#MAX_VALUE]) if it waits for something else.
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

    /// Wakes the thread if there is something to do now; if it only waits for company, it wakes by itself.
    void wake() {
        if (idle && source.isReady() && (!paced || source.nanosToNext() == 0)) {
            work.signal();
        }
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
        Runnable next = stopped ? null : source.take();
        while (next == null && !stopped) {
            idle = true;
            long nanos = source.nanosToNext();
            if (nanos == Long.MAX_VALUE) {
                work.await();
            } else {
                paced = nanos > 0;
                // What isn't paced waits for a leader, whose arrival Ratis doesn't always announce.
                work.awaitNanos(paced ? nanos : Pace.RETRY_NANOS);
                paced = false;
            }
            idle = false;
            next = stopped ? null : source.take();
        }
        return next;
    }
}
