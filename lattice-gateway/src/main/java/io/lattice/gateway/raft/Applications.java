package io.lattice.gateway.raft;

import io.lattice.gateway.observability.DurationHistogram;
import io.lattice.proto.command.CommandBatch;
import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.raft.ApplyListener;
import java.util.List;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/// Passes on what the state machine reports. It exists before the proposer does: entries are replayed while the
/// division starts.
final class Applications implements ApplyListener {
    private final AppliedGate gate;
    private final BiConsumer<String, Throwable> fatal;
    private final DurationHistogram durations = DurationHistogram.ofDisk();
    private final AtomicLong leaders = new AtomicLong();
    private volatile @Nullable Proposer proposer;
    private volatile @Nullable String lastLeader;
    private long beganNanos; // the updater's

    Applications(AppliedGate gate, BiConsumer<String, Throwable> fatal) {
        this.gate = gate;
        this.fatal = fatal;
    }

    /// How long entries took to be applied, up to being visible to readers and watchers.
    DurationHistogram durations() {
        return durations;
    }

    /// Leaders that took the place of another one, as far as this node heard.
    long leaderChanges() {
        return Math.max(0, leaders.get() - 1);
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
    public void committed(LogPosition position, CommandBatch batch) {
        beganNanos = System.nanoTime();
        Proposer p = proposer;
        if (p != null) {
            p.committed(position, batch);
        }
    }

    @Override
    public void applied(LogPosition position, CommandBatch batch, List<List<Outcome>> outcomes) {
        durations.record(System.nanoTime() - beganNanos);
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
        // Ratis tells one at a time, under its lock.
        if (leaderNodeId != null && !leaderNodeId.equals(lastLeader)) {
            lastLeader = leaderNodeId;
            leaders.incrementAndGet();
        }
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
