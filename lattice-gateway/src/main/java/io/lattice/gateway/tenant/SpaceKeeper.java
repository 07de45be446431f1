package io.lattice.gateway.tenant;

import io.lattice.cp.policy.QuotaPolicy.SpaceRecovery;
import io.lattice.gateway.admission.Tenant;
import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.gateway.raft.Proposer;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.proto.etcdserverpb.AlarmMember;
import io.lattice.proto.etcdserverpb.AlarmRequest;
import io.lattice.proto.etcdserverpb.AlarmRequest.AlarmAction;
import io.lattice.proto.etcdserverpb.AlarmType;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.apply.StateStore;
import io.lattice.statemachine.apply.StoreUnavailableException;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.raft.OnDemandThread;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// While this node leads, raises the alarm NOSPACE of tenants that store more than their quota, and clears it for those whose
/// policy is to recover by themselves.
///
/// How much a tenant stores differs from replica to replica, so no replica may refuse a write by its own measure: the leader's
/// becomes a command, and what that command sets is the same everywhere. A tenant can so go over its quota by what it writes
/// in the time between two looks.
///
/// Started and stopped once. Looks run on one thread, reclaiming on another.
public final class SpaceKeeper implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SpaceKeeper.class);
    private static final long LOOK_MS = 200;

    /// Flushing makes the measure exact, and a small table each time.
    private static final long FLUSH_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(2);

    /// Writes go on only when so much of the quota is in use, or they would soon be refused again.
    private static final double RECOVERED = 0.9;

    private final RaftNode node;
    private final SpaceReclaimer reclaimer;
    private final long memberId;
    private final Consumer<Throwable> died;
    private final Supplier<List<Tenant>> tenants;
    private final Map<Integer, Space> spaces = new HashMap<>();
    private final ScheduledExecutorService looks;
    private final ExecutorService reclaims = OnDemandThread.named("lattice-reclaim");
    private @Nullable ScheduledFuture<?> looking;
    private long flushedNanos = System.nanoTime() - FLUSH_INTERVAL_NANOS;
    private volatile boolean stopping;

    /// @param tenants asked at each look, since quotas may change
    /// @param memberId in whose name alarms are raised
    /// @param looks shared by all groups
    /// @param died told if looking fails for a reason that nobody expects: tenants would store without bounds
    public SpaceKeeper(
            RaftNode node,
            SpaceReclaimer reclaimer,
            Supplier<List<Tenant>> tenants,
            long memberId,
            ScheduledExecutorService looks,
            Consumer<Throwable> died) {
        this.looks = looks;
        this.node = node;
        this.reclaimer = reclaimer;
        this.memberId = memberId;
        this.died = died;
        this.tenants = tenants;
    }

    /// Begins to look.
    public void start() {
        looking = looks.scheduleWithFixedDelay(this::look, LOOK_MS, LOOK_MS, TimeUnit.MILLISECONDS);
    }

    private void look() {
        try {
            if (node.view().isReadyLeader()) {
                StateStore store = node.store();
                for (Tenant tenant : tenants.get()) {
                    if (tenant.quota().storedBytes() > 0) {
                        Space space =
                                spaces.computeIfAbsent(tenant.keyspace(), _ -> new Space(tenant));
                        space.follow(tenant);
                        look(store, space);
                    }
                }
            }
        } catch (StoreUnavailableException e) {
            // A snapshot is being installed, so this node doesn't lead; or it stops.
            LOG.debug("not looking at what tenants store", e);
        } catch (RuntimeException | Error e) {
            // The store closes under our feet when the node stops.
            if (!stopping) {
                died.accept(e);
            }
        }
    }

    private void look(StateStore store, Space space) {
        List<AlarmMember> alarms;
        long revision;
        long compactRevision;
        try (ReadView view = store.view()) {
            int keyspace = space.tenant.keyspace();
            alarms =
                    view.alarms(keyspace).stream()
                            .filter(alarm -> alarm.getAlarm() == AlarmType.NOSPACE)
                            .toList();
            revision = view.revision(keyspace);
            compactRevision = view.compactRevision(keyspace);
        }
        if (space.proposing) {
            return;
        }
        if (!alarms.isEmpty()) {
            space.measuredRevision = -1;
            if (space.tenant.quota().spaceRecovery() == SpaceRecovery.AUTOMATIC) {
                recover(store, space, alarms, compactRevision);
            }
        } else if (revision != space.measuredRevision && isOver(store, space)) {
            LOG.warn(
                    "tenant {} stores more than its {} bytes: its writes are refused",
                    space.tenant.name(),
                    space.tenant.quota().storedBytes());
            propose(space, AlarmAction.ACTIVATE, memberId);
        } else {
            space.measuredRevision = space.unsure ? -1 : revision;
        }
    }

    /// Whether a tenant stores too much. What is in memory can only be guessed, so if that decides, it is brought to tables
    /// first.
    private boolean isOver(StateStore store, Space space) {
        int keyspace = space.tenant.keyspace();
        long quota = space.tenant.quota().storedBytes();
        space.unsure = false;
        if (store.keyspaceBytes(keyspace, true) <= quota) {
            return false;
        }
        if (store.keyspaceBytes(keyspace, false) > quota) {
            return true;
        }
        long now = System.nanoTime();
        if (now - flushedNanos < FLUSH_INTERVAL_NANOS) {
            space.unsure = true;
            return false;
        }
        flushedNanos = now;
        store.flush();
        return store.keyspaceBytes(keyspace, false) > quota;
    }

    /// Reclaims once for each compaction, since nothing else gives space back.
    private void recover(
            StateStore store, Space space, List<AlarmMember> alarms, long compactRevision) {
        if (space.reclaiming) {
            return;
        }
        if (space.reclaimedRevision == compactRevision) {
            clearIfRecovered(store, space, alarms);
            return;
        }
        space.reclaiming = true;
        var _ =
                reclaimer
                        .reclaim(space.tenant.route(), reclaims)
                        .thenRun(() -> space.reclaimedRevision = compactRevision)
                        .whenComplete((_, e) -> {
                            space.reclaiming = false;
                            if (e != null) {
                                LOG.debug(
                                        "the space of tenant {} could not be reclaimed, it is tried"
                                                + " again",
                                        space.tenant.name(),
                                        e);
                            }
                        });
    }

    private void clearIfRecovered(StateStore store, Space space, List<AlarmMember> alarms) {
        long stored = store.keyspaceBytes(space.tenant.keyspace(), false);
        if (stored > RECOVERED * space.tenant.quota().storedBytes()) {
            return;
        }
        LOG.info("tenant {} stores {} bytes: its writes go on", space.tenant.name(), stored);
        for (AlarmMember alarm : alarms) {
            propose(space, AlarmAction.DEACTIVATE, alarm.getMemberID());
        }
    }

    private void propose(Space space, AlarmAction action, long member) {
        space.proposing = true;
        node.proposer()
                .propose(
                        space.tenant
                                .route()
                                .command()
                                .setAlarm(
                                        AlarmRequest.newBuilder()
                                                .setAction(action)
                                                .setMemberID(member)
                                                .setAlarm(AlarmType.NOSPACE))
                                .build(),
                        new Proposer.Completion() {
                            @Override
                            public void done(Outcome outcome) {
                                space.proposing = false;
                            }

                            @Override
                            public void failed(ProposalFailure failure) {
                                LOG.debug("an alarm was not set, it is tried again: {}", failure);
                                space.proposing = false;
                            }
                        });
    }

    /// Stops. What is under way is the proposer's and the store's to end.
    @Override
    public void close() {
        stopping = true;
        ScheduledFuture<?> started = looking;
        if (started != null) {
            started.cancel(false);
        }
        reclaims.shutdownNow();
    }

    /// What is known of one tenant. The thread that looks owns what isn't volatile.
    private static final class Space {
        private static final long NONE = Long.MIN_VALUE;

        private volatile Tenant tenant;
        private long measuredRevision = NONE;
        private boolean unsure;
        private volatile long reclaimedRevision = NONE;
        private volatile boolean reclaiming;
        private volatile boolean proposing;

        Space(Tenant tenant) {
            this.tenant = tenant;
        }

        /// Another quota makes what was measured worth another look.
        void follow(Tenant now) {
            if (!now.quota().equals(tenant.quota())) {
                measuredRevision = NONE;
            }
            tenant = now;
        }
    }
}
