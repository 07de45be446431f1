package io.lattice.gateway.raft;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.function.Consumer;

/// Holds what must wait until this node has applied the log up to some index; at most [#WAITING_MAX], further ones are
/// refused. Thread-safe.
final class AppliedGate {
    /// As many as may wait for the read fence at once. More than that pile up only where applying is stuck.
    static final int WAITING_MAX = 100_000;

    private final PriorityQueue<Waiter> waiters =
            new PriorityQueue<>(Comparator.comparingLong(Waiter::index));
    private volatile long applied = -1;

    /// Runs `ready` at once on this thread if `index` has been applied, else on the thread that applies it, where
    /// it must not block. Otherwise `failed` is told: at once if too many wait, or at `deadlineNanos`.
    void await(long index, long deadlineNanos, Runnable ready, Consumer<ProposalFailure> failed) {
        boolean refused = false;
        if (applied < index) {
            synchronized (this) {
                if (applied < index) {
                    refused = waiters.size() >= WAITING_MAX;
                    if (!refused) {
                        waiters.add(new Waiter(index, deadlineNanos, ready, failed));
                        return;
                    }
                }
            }
        }
        if (refused) {
            failed.accept(ProposalFailure.TOO_MANY_REQUESTS);
            return;
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

    /// Fails what has waited too long, and returns whether something still waits.
    boolean expire(long nowNanos) {
        boolean waiting;
        List<Waiter> late = new ArrayList<>();
        synchronized (this) {
            waiters.removeIf(waiter -> {
                boolean expired = nowNanos - waiter.deadlineNanos() >= 0;
                if (expired) {
                    late.add(waiter);
                }
                return expired;
            });
            waiting = !waiters.isEmpty();
        }
        for (Waiter waiter : late) {
            waiter.failed().accept(ProposalFailure.TIMED_OUT);
        }
        return waiting;
    }

    private record Waiter(
            long index, long deadlineNanos, Runnable ready, Consumer<ProposalFailure> failed) {}
}
