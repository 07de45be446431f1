package io.lattice.it.failover;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;

/// Writers and readers on every node, each on a thread of its own, until [#stop()].
///
/// Writers put numbered keys once each, by jetcd and by etcdctl; one jetcd writer for each node counts up
/// a register. Readers read the registers linearizably through every node. The paces keep the clients'
/// share of a small machine low and are no waiting for anything. Workloads that run side by side share
/// that share.
final class Workload implements AutoCloseable {
    private static final String REGISTER = "failover/register/";
    private static final Duration WRITE_PACE = Duration.ofMillis(15);
    private static final Duration ETCDCTL_PACE = Duration.ofMillis(400);
    private static final Duration READ_PACE = Duration.ofMillis(5);
    private static final Duration RETRY_PACE = Duration.ofMillis(50);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(40);
    private static final int READERS_PER_NODE = 3;
    private static final int MAX_IN_FLIGHT = 500;

    private final List<Target> targets;
    private final History history;
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicLong nextNumber;
    private final int sharing;

    private volatile boolean stopping;

    private Workload(List<Target> targets, History history, AtomicLong nextNumber, int sharing) {
        this.targets = targets;
        this.history = history;
        this.nextNumber = nextNumber;
        this.sharing = sharing;
    }

    /// Starts all clients.
    ///
    /// @param nextNumber gives every write a number of its own, growing, over all rounds
    /// @param sharing how many workloads run at a time, this one included
    static Workload start(
            List<Target> targets, History history, AtomicLong nextNumber, int sharing) {
        Workload workload = new Workload(targets, history, nextNumber, sharing);
        targets.forEach(workload::startClients);
        return workload;
    }

    static boolean isRegister(String key) {
        return key.startsWith(REGISTER);
    }

    private static String register(Target target) {
        return REGISTER + target.name();
    }

    private void startClients(Target target) {
        startOpenWriter(target);
        if (target.tenant() == null) {
            // It can name none.
            startWriter(
                    target,
                    "etcdctl",
                    ETCDCTL_PACE,
                    EtcdctlClient::new,
                    number -> "failover/" + number);
        }
        startWriter(
                target,
                "counter",
                shared(WRITE_PACE),
                JetcdClient::new,
                number -> register(target));
        for (int i = 0; i < Math.max(1, READERS_PER_NODE / sharing); i++) {
            startReader(target, i);
        }
    }

    private void startWriter(
            Target target,
            String name,
            Duration pace,
            Function<Target, PutClient> connect,
            Function<Long, String> key) {
        String title = name + " on " + target.name();
        start(
                title,
                () -> {
                    try (PutClient client = connect.apply(target)) {
                        while (!stopping) {
                            long number = nextNumber.incrementAndGet();
                            Write write = write(client, key.apply(number), number, title);
                            history.add(target.name(), write);
                            afterwards(target, write, pace);
                        }
                    }
                });
    }

    /// Puts at a steady pace without waiting for answers, so that a few that hang don't hide that others
    /// go through. At most 500 are under way.
    private void startOpenWriter(Target target) {
        String title = "jetcd on " + target.name();
        start(
                title,
                () -> {
                    Semaphore room = new Semaphore(MAX_IN_FLIGHT);
                    try (JetcdClient client = new JetcdClient(target)) {
                        while (!stopping) {
                            room.acquireUninterruptibly();
                            AtomicBoolean refused = new AtomicBoolean();
                            var _ =
                                    putLater(client, target, title)
                                            .whenComplete((write, error) -> {
                                                refused.set(!write.isAcknowledged());
                                                room.release();
                                            });
                            pause(shared(WRITE_PACE));
                            if (refused.get()) {
                                awaitListening(target);
                            }
                        }
                        room.acquireUninterruptibly(MAX_IN_FLIGHT);
                    }
                });
    }

    private CompletableFuture<Write> putLater(JetcdClient client, Target target, String title) {
        long number = nextNumber.incrementAndGet();
        String key = "failover/" + number;
        long start = System.nanoTime();
        return client.putAsync(key, number)
                .thenApply(result -> {
                    Write write =
                            new Write(
                                    key,
                                    number,
                                    title,
                                    start,
                                    System.nanoTime(),
                                    result.outcome(),
                                    result.revision(),
                                    result.error());
                    history.add(target.name(), write);
                    return write;
                });
    }

    private static Write write(PutClient client, String key, long number, String title) {
        long start = System.nanoTime();
        PutClient.Result result = client.put(key, number);
        return new Write(
                key,
                number,
                title,
                start,
                System.nanoTime(),
                result.outcome(),
                result.revision(),
                result.error());
    }

    private void afterwards(Target target, Write write, Duration pace) {
        pause(pace);
        if (!write.isAcknowledged()) {
            awaitListening(target);
        }
    }

    private void startReader(Target target, int number) {
        String title = "reader %d on %s".formatted(number, target.name());
        start(
                title,
                () -> {
                    try (JetcdClient client = new JetcdClient(target)) {
                        for (int i = number; !stopping; i++) {
                            String key = register(targets.get(i % targets.size()));
                            Read read = client.get(key, title);
                            if (read != null) {
                                history.add(read);
                                pause(shared(READ_PACE));
                            } else {
                                history.readFailed();
                                pause(RETRY_PACE);
                                awaitListening(target);
                            }
                        }
                    }
                });
    }

    private void awaitListening(Target target) {
        while (!stopping && !target.isListening()) {
            pause(RETRY_PACE);
        }
    }

    private Duration shared(Duration pace) {
        return pace.multipliedBy(sharing);
    }

    private static void pause(Duration time) {
        LockSupport.parkNanos(time.toNanos());
    }

    private void start(String title, Runnable work) {
        threads.add(Thread.ofPlatform().daemon().name(title).start(work));
    }

    /// Lets every client finish its last call.
    ///
    /// @throws IllegalStateException if one is still busy long after its call's own limit
    void stop() {
        stopping = true;
        long deadline = System.nanoTime() + STOP_LIMIT.toNanos();
        for (Thread thread : threads) {
            try {
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                thread.join(Math.max(1, left));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            if (thread.isAlive()) {
                throw new IllegalStateException(thread.getName() + " does not stop");
            }
        }
    }

    @Override
    public void close() {
        stopping = true;
        threads.forEach(Thread::interrupt);
    }
}
