package io.lattice.cp.agent;

import java.time.Duration;
import java.util.concurrent.TimeUnit;

/// The times between rounds, which a change cuts short. However many changes there are, rounds keep a distance. Thread-safe.
final class Pauses {
    /// After a round that failed, or left no watch.
    static final Duration RETRY = Duration.ofSeconds(1);

    /// Between any two rounds.
    private static final long DISTANCE_MS = 25;

    // Guarded by this.
    private boolean told;
    private boolean hurried;

    /// Something changed.
    synchronized void tell() {
        told = true;
        notifyAll();
    }

    /// There is no more telling of changes, so the next round must not be far.
    synchronized void hurry() {
        hurried = true;
        notifyAll();
    }

    /// Waits for the time, or until something changes.
    synchronized void await(Duration time) throws InterruptedException {
        long begin = System.nanoTime();
        long distance = TimeUnit.MILLISECONDS.toNanos(DISTANCE_MS);
        long retry = Math.min(RETRY.toNanos(), time.toNanos());
        while (true) {
            long waited = System.nanoTime() - begin;
            long left = (told ? distance : hurried ? retry : time.toNanos()) - waited;
            if (left <= 0) {
                return;
            }
            // Rounded up, or it would end in a loop without waiting.
            wait(left / 1_000_000 + 1);
        }
    }

    /// Whether something changed since the last time that this was asked.
    synchronized boolean takeTold() {
        boolean was = told;
        told = false;
        hurried = false;
        return was;
    }
}
