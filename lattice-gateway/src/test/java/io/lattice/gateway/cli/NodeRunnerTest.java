package io.lattice.gateway.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.gateway.config.ConfigException;
import io.lattice.gateway.config.ConfigLoader;
import io.lattice.gateway.config.LatticeConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class NodeRunnerTest {
    private final ExecutorService mainThread = Executors.newSingleThreadExecutor();
    private final FakeProcess process = new FakeProcess();

    /// A node that runs until it is stopped, or until its stop is let go.
    private static final class FakeNode implements NodeRunner.Node {
        final CountDownLatch awaited = new CountDownLatch(1);
        final CountDownLatch stopped = new CountDownLatch(1);
        private final Runnable onStop;

        FakeNode(Runnable onStop) {
            this.onStop = onStop;
        }

        @Override
        public void awaitStopped() throws InterruptedException {
            awaited.countDown();
            stopped.await();
        }

        @Override
        public void stop() {
            onStop.run();
            stopped.countDown();
        }
    }

    @AfterEach
    void endMainThread() {
        mainThread.shutdownNow();
    }

    @Test
    void signalStopsTheNodeAndEndsTheProcessWithZero() throws Exception {
        FakeNode node = new FakeNode(() -> {});
        Future<Integer> result = start(node);

        process.signal();

        assertThat(process.statuses()).containsExactly(0);
        assertThat(result).succeedsWithin(10, TimeUnit.SECONDS);
        assertThat(node.stopped.getCount()).isZero();
    }

    @Test
    void failureToStopCleanlyEndsTheProcessWithOne() throws Exception {
        FakeNode node =
                new FakeNode(() -> {
                    throw new IllegalStateException("broken on purpose");
                });
        Future<Integer> result = start(node);

        process.signal();

        assertThat(process.statuses()).containsExactly(1);
        assertThat(result).isNotDone();
    }

    @Test
    void nodeThatDoesNotStopInTimeIsLeftBehind() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        FakeNode node =
                new FakeNode(() -> {
                    try {
                        never.await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                });
        Future<Integer> result = start(node);

        process.signal();

        assertThat(process.statuses()).containsExactly(1);
        assertThat(result).isNotDone();
        never.countDown();
    }

    @Test
    void signalWhileStartingEndsTheProcess() throws Exception {
        CountDownLatch starting = new CountDownLatch(1);
        CountDownLatch letGo = new CountDownLatch(1);
        FakeNode node = new FakeNode(() -> {});
        NodeRunner runner =
                new NodeRunner(
                        _ -> {
                            starting.countDown();
                            letGo.await();
                            return node;
                        },
                        process);
        Future<Integer> result = mainThread.submit(() -> runner.run(config()));
        assertThat(starting.await(10, TimeUnit.SECONDS)).isTrue();

        process.signal();

        assertThat(process.statuses()).containsExactly(0);
        letGo.countDown();
        node.stop();
        assertThat(result.get(10, TimeUnit.SECONDS)).isEqualTo(1);
    }

    @Test
    void nodeThatStopsByItselfIsAFailureAndTheExitIsLeftAlone() throws Exception {
        FakeNode node = new FakeNode(() -> {});
        Future<Integer> result = start(node);

        node.stop();

        assertThat(result.get(10, TimeUnit.SECONDS)).isEqualTo(1);
        process.signal();
        assertThat(process.statuses()).isEmpty();
    }

    @Test
    void nodeThatCannotStartIsAFailure() throws Exception {
        NodeRunner refused =
                new NodeRunner(
                        _ -> {
                            throw new IOException("port in use");
                        },
                        process);
        NodeRunner broken =
                new NodeRunner(
                        _ -> {
                            throw new IllegalStateException("broken on purpose");
                        },
                        process);

        assertThat(refused.run(config())).isEqualTo(1);
        assertThat(broken.run(config())).isEqualTo(1);
    }

    private Future<Integer> start(FakeNode node) throws InterruptedException {
        NodeRunner runner = new NodeRunner(_ -> node, process);
        Future<Integer> result = mainThread.submit(() -> runner.run(config()));
        assertThat(node.awaited.await(10, TimeUnit.SECONDS)).isTrue();
        return result;
    }

    private static LatticeConfig config() throws ConfigException {
        return ConfigLoader.load(
                DevConfig.singleNode(),
                "test",
                Path.of("").toAbsolutePath(),
                Map.of(),
                Map.of("admin.shutdown_timeout_ms", "1000", "admin.drain_timeout_ms", "0"));
    }
}
