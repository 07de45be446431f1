package io.lattice.gateway.node;

import io.lattice.gateway.admission.LiveTenants;
import io.lattice.gateway.admission.Tenant;
import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.observability.NodeSnapshot;
import io.lattice.gateway.raft.RaftMetrics;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.gateway.raft.RaftView;
import io.lattice.proto.command.PublishMember;
import io.lattice.statemachine.apply.StateStore;
import io.lattice.statemachine.apply.StoreUnavailableException;
import io.lattice.statemachine.mvcc.KeyRange;
import io.lattice.statemachine.mvcc.KeyReader;
import io.lattice.statemachine.mvcc.ReadView;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Looks at a node for those who ask how it is. What costs something is looked at by a thread of its own, now and then: whether
/// linearizable reads are served, and how many keys there are.
final class NodeObserver implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(NodeObserver.class);
    private static final long PROBE_MS = 2_000;

    /// An answer older than this proves nothing any more.
    private static final long PROBE_VALID_NANOS = TimeUnit.SECONDS.toNanos(6);

    private static final long COUNT_MS = 15_000;

    /// At least so many times as long as a count took passes before the next one.
    private static final int COUNT_PAUSE_FACTOR = 200;

    /// Keys are counted one by one up to this number, some 50 ms of work.
    private static final int KEYS_COUNTED_MAX = 100_000;

    private final LatticeConfig config;
    private final HostedGroups groups;
    private final LiveTenants tenants;
    private final Manifests manifests;
    private final NodeSnapshot.Identity identity;
    private final ScheduledExecutorService looks =
            Executors.newSingleThreadScheduledExecutor(
                    Thread.ofPlatform().name("lattice-observer").daemon().factory());

    /// When each group last served a linearizable read.
    private final Map<String, Long> confirmedNanos = new ConcurrentHashMap<>();

    private final Map<String, Counted> counted = new ConcurrentHashMap<>();
    // Of the observing thread.
    private long countedNanos = System.nanoTime();
    private long countWaitNanos;
    private volatile NodeSnapshot.Drain drain = NodeSnapshot.Drain.SERVING;
    private final Map<String, Stored> lastStored = new ConcurrentHashMap<>();

    /// What is read of a group's store.
    private record Stored(
            Map<String, PublishMember> published,
            List<NodeSnapshot.Tenant> tenants,
            long bytes,
            long liveBytes,
            int leases) {
        static final Stored NOTHING = new Stored(Map.of(), List.of(), 0, 0, 0);
    }

    /// A tenant's number of keys at a revision.
    private record Counted(long revision, long keys) {}

    NodeObserver(
            LatticeConfig config,
            HostedGroups groups,
            LiveTenants tenants,
            Manifests manifests,
            String version,
            String etcdVersion) {
        this.config = config;
        this.groups = groups;
        this.tenants = tenants;
        this.manifests = manifests;
        this.identity =
                new NodeSnapshot.Identity(
                        config.cluster().name(),
                        config.cluster().nodeId(),
                        version,
                        etcdVersion,
                        NodeSnapshot.Drain.SERVING);
    }

    void start() {
        var _ =
                looks.scheduleWithFixedDelay(
                        () -> guarded(this::probe), 0, PROBE_MS, TimeUnit.MILLISECONDS);
        var _ =
                looks.scheduleWithFixedDelay(
                        () -> guarded(this::countKeys), 0, COUNT_MS, TimeUnit.MILLISECONDS);
    }

    /// A look that fails must not be the last one.
    private static void guarded(Runnable look) {
        try {
            look.run();
        } catch (StoreUnavailableException e) {
            LOG.debug("a snapshot is being installed", e);
        } catch (RuntimeException e) {
            LOG.warn("a look at this node failed", e);
        }
    }

    private void probe() {
        groups.all().forEach(this::probe);
    }

    private void probe(HostedGroup group) {
        group.raft()
                .fence()
                .await(
                        System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PROBE_MS),
                        () -> confirmedNanos.put(group.name(), System.nanoTime()),
                        failure ->
                                LOG.debug(
                                        "group {} serves no linearizable reads: {}",
                                        group.name(),
                                        failure));
    }

    private void countKeys() {
        long began = System.nanoTime();
        if (began - countedNanos < countWaitNanos) {
            return;
        }
        groups.all().forEach(this::countChanged);
        countedNanos = System.nanoTime();
        countWaitNanos = (countedNanos - began) * COUNT_PAUSE_FACTOR;
    }

    private void countChanged(HostedGroup group) {
        StateStore store = group.raft().store();
        try (ReadView view = store.view()) {
            for (Tenant tenant : tenants.get().of(group.name())) {
                KeyReader reader = view.keyspace(tenant.keyspace());
                long revision = reader.revision();
                Counted last = counted.get(tenant.name());
                if (last == null || last.revision() != revision) {
                    counted.put(tenant.name(), new Counted(revision, count(store, tenant, reader)));
                }
            }
        }
    }

    /// Beyond what is counted, the tenant's part by bytes of RocksDB's estimate for all tenants.
    private long count(StateStore store, Tenant tenant, KeyReader reader) {
        int[] count = {0};
        reader.scan(
                KeyRange.all(tenant.keyspace()),
                reader.revision(),
                (_, _) -> ++count[0] < KEYS_COUNTED_MAX);
        if (count[0] < KEYS_COUNTED_MAX) {
            return count[0];
        }
        long allBytes =
                tenants.get().of(tenant.group()).stream()
                        .mapToLong(t -> store.keyspaceBytes(t.keyspace(), true))
                        .sum();
        double part =
                allBytes == 0
                        ? 0
                        : (double) store.keyspaceBytes(tenant.keyspace(), true) / allBytes;
        return Math.max(count[0], Math.round(store.estimatedKeys() * part));
    }

    /// The node stops taking calls, or has stopped.
    void drain(NodeSnapshot.Drain state) {
        drain = state;
    }

    /// The node as it is now. While a snapshot of a leader's is taken up, what is stored in its group shows as it was.
    NodeSnapshot look() {
        List<NodeSnapshot.Group> looked = new ArrayList<>();
        List<NodeSnapshot.Tenant> held = new ArrayList<>();
        long bytes = 0;
        long liveBytes = 0;
        int leases = 0;
        int watchStreams = 0;
        for (HostedGroup group : groups.all()) {
            Stored stored = stored(group);
            looked.add(new NodeSnapshot.Group(group.name(), consensus(group, stored.published())));
            held.addAll(stored.tenants());
            bytes += stored.bytes();
            liveBytes += stored.liveBytes();
            leases += stored.leases();
            watchStreams += group.watchStreams();
        }
        held.sort(Comparator.comparing(tenant -> !isDefault(tenant)));
        return new NodeSnapshot(
                new NodeSnapshot.Identity(
                        identity.cluster(),
                        identity.nodeId(),
                        identity.version(),
                        identity.etcdVersion(),
                        drain),
                looked,
                controlPlane(),
                new NodeSnapshot.Storage(bytes, liveBytes, config.limits().backendQuotaBytes()),
                held,
                leases,
                watchStreams);
    }

    private boolean isDefault(NodeSnapshot.Tenant tenant) {
        return tenant.name().equals(config.tenants().defaultTenant());
    }

    private NodeSnapshot.ControlPlane controlPlane() {
        return new NodeSnapshot.ControlPlane(
                manifests.source().state(),
                manifests.source().age().toMillis() / 1e3,
                tenants.get().routingEpoch(),
                manifests.source().current().digest(),
                manifests.isRefusing());
    }

    private NodeSnapshot.Consensus consensus(
            HostedGroup group, Map<String, PublishMember> published) {
        RaftNode raft = group.raft();
        RaftView view = raft.view();
        RaftMetrics metrics = raft.metrics();
        Long confirmed = confirmedNanos.get(group.name());
        String leader = view.leader();
        return new NodeSnapshot.Consensus(
                leader == null ? null : RaftNode.Member.nodeOf(leader),
                view.isReadyLeader(),
                view.isListener(),
                leader != null
                        && manifests.source().state().allowsLinearizable()
                        && confirmed != null
                        && System.nanoTime() - confirmed < PROBE_VALID_NANOS,
                view.term(),
                new NodeSnapshot.Log(
                        view.lastIndex(),
                        view.flushedIndex(),
                        view.committedIndex(),
                        view.appliedIndex()),
                metrics.leaderChanges(),
                raft.proposer().waitingCommands(),
                raft.members().stream()
                        .map(member -> {
                            PublishMember details = published.get(member.nodeId());
                            return new NodeSnapshot.Member(
                                    member.nodeId(),
                                    member.address(),
                                    details == null ? List.of() : details.getClientUrlsList(),
                                    member.listener(),
                                    metrics.lagEntries(member.raftId()));
                        })
                        .toList());
    }

    private Stored stored(HostedGroup group) {
        try {
            StateStore store = group.raft().store();
            try (ReadView view = store.view()) {
                lastStored.put(
                        group.name(),
                        new Stored(
                                view.members(),
                                tenants.get().of(group.name()).stream()
                                        .map(t -> snapshot(view, t))
                                        .toList(),
                                store.sizeBytes(),
                                store.liveBytes(),
                                store.leaseCount()));
            }
        } catch (StoreUnavailableException e) {
            LOG.debug("a snapshot is being installed", e);
        }
        return lastStored.getOrDefault(group.name(), Stored.NOTHING);
    }

    private NodeSnapshot.Tenant snapshot(ReadView view, Tenant tenant) {
        Counted last = counted.get(tenant.name());
        return new NodeSnapshot.Tenant(
                tenant.name(),
                view.revision(tenant.keyspace()),
                Math.max(0, view.compactRevision(tenant.keyspace())),
                last == null ? 0 : last.keys(),
                tenant.meter().throttled());
    }

    @Override
    public void close() {
        looks.shutdownNow();
    }
}
