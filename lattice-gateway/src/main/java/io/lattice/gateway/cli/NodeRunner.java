package io.lattice.gateway.cli;

import io.lattice.gateway.config.LatticeConfig;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Runs one node for the life of the process. SIGTERM and SIGINT stop it cleanly and end the process
/// with status 0; a node that stops by itself, can't start, or doesn't stop in time ends it with 1.
///
/// [#run(LatticeConfig)] belongs to the main thread; the stop runs on the runtime's shutdown thread.
final class NodeRunner {
    private static final Logger LOG = LoggerFactory.getLogger(NodeRunner.class);

    /// Starts a node.
    interface Starter {
        /// Returns when the node serves.
        ///
        /// @throws Exception if it can't start; nothing of it is left running
        Node start(LatticeConfig config) throws Exception;
    }

    /// A node that was started.
    interface Node {
        /// Waits until the node has stopped, for whatever reason.
        void awaitStopped() throws InterruptedException;

        /// Stops the node and returns when it has stopped.
        void stop();
    }

    private enum Phase {
        /// Starting or running.
        ACTIVE,
        /// A signal came and the shutdown thread stops the node.
        STOPPING,
        /// The main thread is done; a shutdown after that is its own exit.
        OVER
    }

    private final Starter starter;
    private final HostProcess process;
    private final AtomicReference<Phase> phase = new AtomicReference<>(Phase.ACTIVE);
    private volatile @Nullable Node node;

    NodeRunner(Starter starter, HostProcess process) {
        this.starter = starter;
        this.process = process;
    }

    /// Starts the node and waits until it has stopped.
    ///
    /// @return the exit code; after a signal the process ends before that
    int run(LatticeConfig config) throws InterruptedException {
        process.onShutdown(() -> shutdown(config.admin().shutdownTimeout()));
        try {
            Node started = starter.start(config);
            node = started;
            started.awaitStopped();
            if (phase.compareAndSet(Phase.ACTIVE, Phase.OVER)) {
                LOG.error("node {} has stopped by itself", config.cluster().nodeId());
            }
        } catch (InterruptedException e) {
            throw e;
        } catch (IOException e) {
            // A port, a directory or a file: what the message says is all that an operator needs.
            LOG.error("node {} can't start: {}", config.cluster().nodeId(), describe(e));
            LOG.debug("the failure in full", e);
        } catch (Exception e) {
            LOG.error("node {} can't start: {}", config.cluster().nodeId(), describe(e), e);
        } finally {
            phase.compareAndSet(Phase.ACTIVE, Phase.OVER);
        }
        return Main.FAILED;
    }

    /// Stops what is running. Before the node serves there is nothing to stop cleanly: its data is as
    /// safe as after a crash, and nothing has been acknowledged.
    private void shutdown(Duration timeout) {
        if (!phase.compareAndSet(Phase.ACTIVE, Phase.STOPPING)) {
            return;
        }
        Node running = node;
        if (running == null) {
            LOG.info("told to stop while starting");
            process.halt(Main.DONE);
            return;
        }
        LOG.info("told to stop");
        process.halt(stop(running, timeout) ? Main.DONE : Main.FAILED);
    }

    /// The messages of a failure and of its causes.
    private static String describe(Throwable failure) {
        StringBuilder text = new StringBuilder(failure.toString());
        Throwable cause = failure.getCause();
        while (cause != null && !text.toString().contains(cause.toString())) {
            text.append("; caused by ").append(cause);
            cause = cause.getCause();
        }
        return text.toString();
    }

    private static boolean stop(Node running, Duration timeout) {
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        Thread stopper =
                Thread.ofPlatform()
                        .name("lattice-stop")
                        .daemon()
                        .uncaughtExceptionHandler((_, e) -> failure.set(e))
                        .start(running::stop);
        try {
            if (!stopper.join(timeout)) {
                LOG.error("not stopped after {} ms, ending the process", timeout.toMillis());
                return false;
            }
        } catch (InterruptedException e) {
            LOG.error("interrupted while stopping", e);
            return false;
        }
        if (failure.get() != null) {
            LOG.error("failed to stop cleanly", failure.get());
            return false;
        }
        return true;
    }
}
