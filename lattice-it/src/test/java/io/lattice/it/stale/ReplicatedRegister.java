package io.lattice.it.stale;

import io.lattice.it.cluster.TestNetwork;
import java.time.Duration;
import java.util.Optional;

/// Three processes that hold one value, and what can be done to them.
interface ReplicatedRegister extends AutoCloseable {
    int NODES = 3;

    /// Whether that node says that it leads; false if it doesn't answer.
    boolean leads(int node);

    /// Writes by way of that node; true if it was acknowledged.
    boolean write(int node, String value);

    /// Reads linearizably at that node; empty if that fails or takes longer than a second.
    Optional<String> read(int node);

    /// Begins to read at that node, as fast as it goes, until [#observed].
    void observe(int node);

    /// What the reads saw that began after `afterNanos` of System.nanoTime, at which time `current` had been
    /// acknowledged.
    Reads observed(int node, long afterNanos, String current);

    /// What became of linearizable reads.
    ///
    /// @param stale answered without the write that was acknowledged before they began
    /// @param current answered with it
    /// @param failed not answered
    record Reads(long stale, long current, long failed) {
        static final Reads NONE = new Reads(0, 0, 0);

        Reads plus(Reads other) {
            return new Reads(stale + other.stale, current + other.current, failed + other.failed);
        }
    }

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
