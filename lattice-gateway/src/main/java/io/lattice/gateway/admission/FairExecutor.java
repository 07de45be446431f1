package io.lattice.gateway.admission;

import java.util.ArrayDeque;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/// Shares a few threads among tenants: each tenant's tasks run in the order in which they came, and tenants that have tasks
/// waiting take turns. A task can't be interrupted, so no tenant may have all threads at once if there are others who could
/// need one.
///
/// Bounded: beyond `waitingMax` waiting tasks of all tenants, a tenant that has more than a few of them is refused with
/// [RejectedExecutionException].
///
/// Thread-safe.
public final class FairExecutor {
    /// Tasks that a tenant may have waiting however many others have.
    private static final int RESERVED = 64;

    private final Executor threads;
    private final int threadsMax;
    private final int laneThreadsMax;
    private final int waitingMax;
    private final Map<Integer, Lane> lanes = new ConcurrentHashMap<>();
    // Guarded by this.
    private final ArrayDeque<Lane> turns = new ArrayDeque<>();
    private int workers;
    private int waiting;

    /// @param threads runs as many tasks at once as there are threads
    /// @param threadsMax how many those are
    /// @param laneThreadsMax how many of them a tenant may have at once
    /// @param waitingMax tasks that may wait
    public FairExecutor(Executor threads, int threadsMax, int laneThreadsMax, int waitingMax) {
        this.threads = threads;
        this.threadsMax = threadsMax;
        this.laneThreadsMax = laneThreadsMax;
        this.waitingMax = waitingMax;
    }

    /// Runs tasks of the tenant with that keyspace.
    public Executor of(int keyspace) {
        return lanes.computeIfAbsent(keyspace, _ -> new Lane());
    }

    private void work() {
        Lane lane = null;
        while (true) {
            Runnable task;
            synchronized (this) {
                if (lane != null) {
                    lane.running--;
                    lane.queue();
                }
                lane = turns.pollFirst();
                if (lane == null) {
                    workers--;
                    return;
                }
                task = lane.take();
            }
            run(task);
        }
    }

    /// What a task throws is its thread's to report; the thread goes on.
    private static void run(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException | Error e) {
            Thread thread = Thread.currentThread();
            thread.getUncaughtExceptionHandler().uncaughtException(thread, e);
        }
    }

    /// One tenant's tasks. Its fields are guarded by the executor's monitor.
    private final class Lane implements Executor {
        private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
        private int running;
        private boolean queued;

        @Override
        public void execute(Runnable task) {
            boolean worker;
            synchronized (FairExecutor.this) {
                if (waiting >= waitingMax && tasks.size() >= RESERVED) {
                    throw new RejectedExecutionException("too many tasks wait");
                }
                tasks.addLast(task);
                waiting++;
                queue();
                worker = queued && workers < threadsMax;
                if (worker) {
                    workers++;
                }
            }
            if (worker) {
                startWorker();
            }
        }

        private void startWorker() {
            try {
                threads.execute(FairExecutor.this::work);
            } catch (RejectedExecutionException e) {
                synchronized (FairExecutor.this) {
                    workers--;
                }
                throw e;
            }
        }

        /// Joins those whose turn will come, if there is something to do.
        private void queue() {
            if (!queued && !tasks.isEmpty() && running < laneThreadsMax) {
                queued = true;
                turns.addLast(this);
            }
        }

        private Runnable take() {
            Runnable task = next();
            queued = false;
            running++;
            waiting--;
            queue();
            return task;
        }

        private Runnable next() {
            @Nullable Runnable task = tasks.pollFirst();
            if (task == null) {
                throw new IllegalStateException("a tenant without a task had its turn");
            }
            return task;
        }
    }
}
