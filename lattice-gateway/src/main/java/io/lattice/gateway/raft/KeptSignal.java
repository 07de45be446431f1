package io.lattice.gateway.raft;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.ratis.util.AwaitForSignal;

/// A wake-up that isn't lost if it comes while nobody waits yet. Ratis' own is: a log appender that is about to wait
/// when an entry arrives sends it half an election timeout later.
final class KeptSignal extends AwaitForSignal {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition signalled = lock.newCondition();
    private boolean kept; // guarded by lock

    KeptSignal(Object name) {
        super(name);
    }

    @Override
    public void await() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (!kept) {
                signalled.await();
            }
            kept = false;
        } finally {
            lock.unlock();
        }
    }

    /// Waits for a signal since the last wait ended; true if there was one.
    @Override
    public boolean await(long time, TimeUnit unit) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            long nanos = unit.toNanos(time);
            while (!kept && nanos > 0) {
                nanos = signalled.awaitNanos(nanos);
            }
            boolean woken = kept;
            kept = false;
            return woken;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void signal() {
        lock.lock();
        try {
            kept = true;
            signalled.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
