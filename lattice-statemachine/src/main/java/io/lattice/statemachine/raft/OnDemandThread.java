package io.lattice.statemachine.raft;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/// A thread for rare work of one Raft group, of which a node may have hundreds: it ends when it has had nothing to do for a while.
public final class OnDemandThread {
    private static final long IDLE_SECONDS = 10;

    private OnDemandThread() {}

    /// Runs tasks one after the other, in their order, on a daemon thread of that name.
    public static ExecutorService named(String name) {
        ThreadPoolExecutor executor =
                new ThreadPoolExecutor(
                        1,
                        1,
                        IDLE_SECONDS,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(),
                        Thread.ofPlatform().name(name).daemon().factory());
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }
}
