package io.lattice.gateway.admission;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.Test;

class FairExecutorTest {
    /// Workers that have not been given a thread yet.
    private final ArrayDeque<Runnable> workers = new ArrayDeque<>();

    private final List<String> ran = new ArrayList<>();

    @Test
    void tenantsTakeTurnsHoweverManyTasksOneHas() {
        FairExecutor executor = new FairExecutor(workers::add, 1, 1, 100);

        for (int i = 0; i < 10; i++) {
            executor.of(1).execute(() -> ran.add("flood"));
        }
        executor.of(2).execute(() -> ran.add("quiet"));
        runWorkers();

        assertThat(ran).hasSize(11);
        assertThat(ran.indexOf("quiet")).isEqualTo(1);
    }

    @Test
    void aTenantNeverHasAllThreads() {
        FairExecutor executor = new FairExecutor(workers::add, 2, 1, 100);
        executor.of(1)
                .execute(() -> {
                    ran.add("long begins");
                    // The other worker runs while this task is under way.
                    Runnable other = workers.poll();
                    if (other != null) {
                        other.run();
                    }
                    ran.add("long ends");
                });
        executor.of(1).execute(() -> ran.add("same tenant"));
        executor.of(2).execute(() -> ran.add("other tenant"));

        runWorkers();

        assertThat(ran).containsExactly("long begins", "other tenant", "long ends", "same tenant");
    }

    @Test
    void whoFillsTheQueueIsRefusedAndOthersAreNot() {
        FairExecutor executor = new FairExecutor(workers::add, 1, 1, 100);
        Executor flood = executor.of(1);

        for (int i = 0; i < 100; i++) {
            flood.execute(() -> ran.add("flood"));
        }

        assertThatThrownBy(() -> flood.execute(() -> ran.add("too many")))
                .isInstanceOf(RejectedExecutionException.class);
        executor.of(2).execute(() -> ran.add("quiet"));
        runWorkers();
        assertThat(ran).hasSize(101).contains("quiet").doesNotContain("too many");
    }

    @Test
    void aTaskThatThrowsTakesNothingWithIt() throws Exception {
        FairExecutor executor = new FairExecutor(workers::add, 1, 1, 100);
        executor.of(1)
                .execute(() -> {
                    throw new IllegalStateException("broken task");
                });
        executor.of(1).execute(() -> ran.add("next"));
        List<Throwable> reported = new ArrayList<>();

        Thread thread = new Thread(this::runWorkers);
        thread.setUncaughtExceptionHandler((_, e) -> reported.add(e));
        thread.start();
        thread.join();

        assertThat(ran).containsExactly("next");
        assertThat(reported)
                .singleElement()
                .extracting(Throwable::getMessage)
                .isEqualTo("broken task");
    }

    private void runWorkers() {
        for (Runnable worker = workers.poll(); worker != null; worker = workers.poll()) {
            worker.run();
        }
    }
}
