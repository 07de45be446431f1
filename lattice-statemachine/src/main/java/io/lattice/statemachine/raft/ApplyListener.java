package io.lattice.statemachine.raft;

import io.lattice.proto.command.CommandBatch;
import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.apply.Outcome;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What the gateway hears from the state machine. Every method but [#leaderChanged] and [#failed] runs on the
/// division's updater thread, which applies nothing while the listener works: never block there.
public interface ApplyListener {
    /// Whether this node proposed what carries `origin`, so that somebody here waits for the outcomes.
    boolean isOrigin(long origin);

    /// An entry is committed and about to be applied.
    void committed(LogPosition position, CommandBatch batch);

    /// An entry was applied and its effects are visible to readers.
    ///
    /// @param outcomes for each proposal of the batch the outcomes of its commands, or an empty list where
    ///     [#isOrigin] declined
    void applied(LogPosition position, CommandBatch batch, List<List<Outcome>> outcomes);

    /// The applied position moved without a command: a configuration entry of Raft.
    void advanced(LogPosition position);

    /// The whole state was replaced by a leader's snapshot; entries up to its position were never applied here one
    /// by one.
    void snapshotInstalled(LogPosition position);

    /// Another leader, or none (null), as far as this node knows. Runs under a lock of Ratis: hand off at once.
    void leaderChanged(@Nullable String leaderNodeId);

    /// Something happened after which this process must not go on: it would lose writes or diverge.
    void failed(String what, Throwable cause);
}
