package io.lattice.it.stale;

import io.lattice.it.cluster.TestNetwork;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// Three processes that hold one value, and what can be done to them.
interface ReplicatedRegister extends AutoCloseable {
    int NODES = 3;

    /// Whether that node says that it leads; false if it doesn't answer.
    boolean leads(int node);

    /// Writes by way of that node; true if it was acknowledged.
    boolean write(int node, String value);

    /// Starts a linearizable read at that node; empty if it fails or takes longer than a second.
    CompletableFuture<Optional<String>> read(int node);

    /// Has writes arrive at that node for a while that may all fail, and never change the value.
    void flood(int node, Duration howLong);

    void pause(int node);

    void resume(int node);

    TestNetwork network();

    /// For a failure's report.
    String logTails();

    @Override
    void close();
}
