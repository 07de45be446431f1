package io.lattice.gateway.raft;

import java.util.function.LongConsumer;

/// Tells of a growing number when it hasn't grown for a while. With numbers that come faster than that it costs a timer, and
/// nobody is told. Thread-safe.
final class Deferral {
    private final ReadFence.Time time;
    private final long patienceNanos;
    private final LongConsumer told;

    // Guarded by this.
    private long newest = -1;
    private long settled = -1;
    private long dueNanos;
    private boolean alarmSet;

    /// @param told of a number once, by the thread that [#settle]s or that of the timer
    Deferral(ReadFence.Time time, long patienceNanos, LongConsumer told) {
        this.time = time;
        this.patienceNanos = patienceNanos;
        this.told = told;
    }

    /// Has `number` told of after the pause, unless a later one comes.
    void defer(long number) {
        boolean setAlarm;
        synchronized (this) {
            newest = Math.max(newest, number);
            dueNanos = time.nanos() + patienceNanos;
            setAlarm = !alarmSet;
            alarmSet = true;
        }
        if (setAlarm) {
            time.later(patienceNanos, this::pauseOver);
        }
    }

    private void pauseOver() {
        long left;
        synchronized (this) {
            left = dueNanos - time.nanos();
            alarmSet = left > 0;
        }
        if (left > 0) {
            time.later(left, this::pauseOver);
        } else {
            settle();
        }
    }

    /// Tells now of the newest number, unless that was told of.
    void settle() {
        long number;
        synchronized (this) {
            if (settled == newest) {
                return;
            }
            settled = newest;
            number = newest;
        }
        told.accept(number);
    }
}
