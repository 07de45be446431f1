package io.lattice.gateway.lease;

import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.gateway.raft.Proposer;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.gateway.raft.RaftView;
import io.lattice.proto.command.Command;
import io.lattice.proto.command.LeaseTick;
import io.lattice.proto.command.LeaseTicked;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.apply.StateStore;
import io.lattice.statemachine.apply.StoreUnavailableException;
import io.lattice.statemachine.mvcc.LeaseClock;
import io.lattice.statemachine.mvcc.ReadView;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Proposes ticks while this node leads and there are leases, or keys of revoked ones to be deleted; see [TickMeter]. One is
/// under way at a time.
///
/// Started and stopped once. A thread of its own looks whether a tick is due, less often while none can be: on a follower, and
/// without leases. While ended leases wait to be revoked, it looks again as soon as a tick is applied; while only keys wait to be
/// deleted, which nobody sees, at the next look, so that other commands come in between. Not the thread that completes ticks,
/// which applies the log: proposing may submit at once, and submitting may block.
public final class LeaseTicker implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LeaseTicker.class);
    private static final long LOOK_MS = 20;
    private static final long IDLE_LOOK_MS = 100;

    private final RaftNode node;
    private final Consumer<Throwable> died;
    private final TickMeter meter = new TickMeter();
    private final ScheduledExecutorService looks;

    /// Held while a look is taken: a further tick may be due at once.
    private final ReentrantLock looking = new ReentrantLock();

    private volatile boolean stopping;

    /// @param looks shared by all groups
    /// @param died told if ticking fails for a reason that nobody expects: leases would never end
    public LeaseTicker(RaftNode node, ScheduledExecutorService looks, Consumer<Throwable> died) {
        this.node = node;
        this.looks = looks;
        this.died = died;
    }

    /// Begins to tick.
    public void start() {
        lookAfter(LOOK_MS);
    }

    private void lookAfter(long millis) {
        if (stopping) {
            return;
        }
        try {
            var _ =
                    looks.schedule(
                            () -> lookAfter(look() ? LOOK_MS : IDLE_LOOK_MS),
                            millis,
                            TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debug("the ticker is stopping", e);
        }
    }

    /// Proposes a tick if one is due, and returns whether one will be.
    private boolean look() {
        looking.lock();
        try {
            StateStore store = node.store();
            long term = leaderTerm();
            boolean needed;
            LeaseClock clock;
            try (ReadView view = store.view()) {
                needed = store.leaseCount() > 0 || view.isDraining();
                clock = view.leaseClock();
            }
            LeaseTick tick = meter.next(System.nanoTime(), term, needed, clock);
            if (tick != null) {
                node.proposer()
                        .propose(Command.newBuilder().setLeaseTick(tick).build(), new Applied());
            }
            return term >= 0 && needed;
        } catch (StoreUnavailableException e) {
            // A snapshot is being installed, so this node doesn't lead; or it stops.
            LOG.debug("not ticking", e);
        } catch (RuntimeException | Error e) {
            // The division closes under our feet when the node stops.
            if (!stopping) {
                died.accept(e);
            }
        } finally {
            looking.unlock();
        }
        return false;
    }

    private void lookNow() {
        try {
            looks.execute(() -> {
                var _ = look();
            });
        } catch (RejectedExecutionException e) {
            LOG.debug("the ticker is stopping", e);
        }
    }

    /// The term in which this node leads, as far as it knows, or -1. The term is read on both sides of the question, so that
    /// the answer is for that term.
    private long leaderTerm() {
        RaftView raft = node.view();
        long term = raft.term();
        return raft.isReadyLeader() && raft.term() == term ? term : -1;
    }

    /// Stops. What is under way is the proposer's to end.
    @Override
    public void close() {
        stopping = true;
    }

    private final class Applied implements Proposer.Completion {
        @Override
        public void done(Outcome outcome) {
            LeaseTicked result =
                    outcome instanceof Outcome.Applied(LeaseTicked ticked, _)
                            ? ticked
                            : LeaseTicked.getDefaultInstance();
            meter.ticked(System.nanoTime(), result);
            if (result.getMore() && !stopping) {
                lookNow();
            }
        }

        @Override
        public void failed(ProposalFailure failure) {
            LOG.debug("a lease tick was not applied: {}", failure);
            switch (failure) {
                case TOO_MANY_REQUESTS, STOPPED -> meter.refused();
                case TIMED_OUT, LEADER_LOST -> meter.lost();
            }
        }
    }
}
