package io.lattice.gateway.raft;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/// Holds what must wait until this node has applied the log up to some index. Thread-safe.
final class AppliedGate {
    private final PriorityQueue<Waiter> waiters =
            new PriorityQueue<>(Comparator.comparingLong(Waiter::index));
    private volatile long applied = -1;

    /// Runs `ready` at once on this thread if `index` has been applied, else on the thread that applies it, where
    /// it must not block; `expired` runs instead if that doesn't happen by `deadlineNanos`.
    void await(long index, long deadlineNanos, Runnable ready, Runnable expired) {
        if (applied < index) {
            synchronized (this) {
                if (applied < index) {
                    waiters.add(new Waiter(index, deadlineNanos, ready, expired));
                    return;
                }
            }
        }
        ready.run();
    }

    void advance(long index) {
        List<Waiter> released;
        synchronized (this) {
            applied = Math.max(applied, index);
            if (waiters.isEmpty() || waiters.peek().index() > applied) {
                return;
            }
            released = new ArrayList<>();
            while (!waiters.isEmpty() && waiters.peek().index() <= applied) {
                released.add(waiters.remove());
            }
        }
        for (Waiter waiter : released) {
            waiter.ready().run();
        }
    }

    void expire(long nowNanos) {
        List<Waiter> late = new ArrayList<>();
        synchronized (this) {
            waiters.removeIf(waiter -> {
                boolean expired = nowNanos - waiter.deadlineNanos() >= 0;
                if (expired) {
                    late.add(waiter);
                }
                return expired;
            });
        }
        for (Waiter waiter : late) {
            waiter.expired().run();
        }
    }

    private record Waiter(long index, long deadlineNanos, Runnable ready, Runnable expired) {}
}
