package io.lattice.gateway.raft;

import io.lattice.proto.command.CommandBatch;
import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.raft.ApplyListener;
import java.util.List;
import java.util.concurrent.ForkJoinPool;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/// Passes on what the state machine reports. It exists before the proposer does: entries are replayed while the
/// division starts.
final class Applications implements ApplyListener {
    private final AppliedGate gate;
    private final BiConsumer<String, Throwable> fatal;
    private volatile @Nullable Proposer proposer;

    Applications(AppliedGate gate, BiConsumer<String, Throwable> fatal) {
        this.gate = gate;
        this.fatal = fatal;
    }

    void attach(Proposer started) {
        proposer = started;
    }

    @Override
    public boolean isOrigin(long origin) {
        Proposer p = proposer;
        return p != null && p.isOrigin(origin);
    }

    @Override
    public void committed(LogPosition position) {
        Proposer p = proposer;
        if (p != null) {
            p.committed(position);
        }
    }

    @Override
    public void applied(LogPosition position, CommandBatch batch, List<List<Outcome>> outcomes) {
        Proposer p = proposer;
        if (p != null) {
            p.applied(position, batch, outcomes);
        }
        gate.advance(position.index());
    }

    @Override
    public void advanced(LogPosition position) {
        Proposer p = proposer;
        if (p != null) {
            p.advanced(position);
        }
        gate.advance(position.index());
    }

    @Override
    public void snapshotInstalled(LogPosition position) {
        Proposer p = proposer;
        if (p != null) {
            p.snapshotInstalled();
        }
        gate.advance(position.index());
    }

    @Override
    public void leaderChanged(@Nullable String leaderNodeId) {
        Proposer p = proposer;
        if (p != null) {
            // Ratis holds its lock here.
            ForkJoinPool.commonPool().execute(p::leaderChanged);
        }
    }

    @Override
    public void failed(String what, Throwable cause) {
        fatal.accept(what, cause);
    }
}
