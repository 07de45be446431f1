package io.lattice.gateway.node;

import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.lattice.cp.manifest.ManifestSource;
import io.lattice.gateway.admission.FairExecutor;
import io.lattice.gateway.admission.LiveTenants;
import io.lattice.gateway.admission.Tenant;
import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.grpc.ClusterService;
import io.lattice.gateway.grpc.DeepTxns;
import io.lattice.gateway.grpc.ElectionService;
import io.lattice.gateway.grpc.Headers;
import io.lattice.gateway.grpc.KvService;
import io.lattice.gateway.grpc.LeaderWanted;
import io.lattice.gateway.grpc.LeaseService;
import io.lattice.gateway.grpc.LockService;
import io.lattice.gateway.grpc.MaintenanceService;
import io.lattice.gateway.grpc.ReadGate;
import io.lattice.gateway.grpc.RequestLimits;
import io.lattice.gateway.grpc.TenantRouter;
import io.lattice.gateway.grpc.WaitingCalls;
import io.lattice.gateway.grpc.WatchService;
import io.lattice.gateway.lease.LeaseTicker;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.gateway.tenant.SpaceKeeper;
import io.lattice.gateway.tenant.SpaceReclaimer;
import io.lattice.gateway.watch.WatchContext;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/// A Raft group on this node: its member, what it does by itself, and etcd's services for the tenants that it holds. To them
/// it is a whole etcd. Started and stopped once.
final class HostedGroup {
    /// etcd refuses larger messages than this beyond its request limit.
    static final int MESSAGE_OVERHEAD_BYTES = 512 << 10;

    private static final int WATCHERS_PER_STREAM_MAX = 100_000;

    private final Placement placement;
    private final RaftNode raft;
    private final ReadGate gate;
    private final MemberPublisher publisher;
    private final LeaseTicker leaseTicker;
    private final SpaceKeeper spaceKeeper;
    private final LeaseService leases;
    private final WaitingCalls waiting;
    private final WatchService watches;
    private final LeaderWanted leaderWanted;
    private final List<ServerServiceDefinition> services;
    private final TenantRouter.Services methods;

    /// What all groups of a node share.
    ///
    /// @param fairScans runs reads that may take long
    /// @param watchHistory reads the history for watchers that are behind
    /// @param looks for what groups do by themselves, now and then
    /// @param fatal ends the process
    record Node(
            LatticeConfig config,
            ManifestSource manifests,
            LiveTenants tenants,
            FairExecutor fairScans,
            ScheduledExecutorService watchHistory,
            ScheduledExecutorService looks,
            BiConsumer<String, Throwable> fatal) {
        RequestLimits limits() {
            return new RequestLimits(
                    config.limits().requestBytes(),
                    config.limits().txnOps(),
                    config.limits().requestTimeout());
        }
    }

    HostedGroup(Node node, Placement placement, RaftNode raft) {
        this.placement = placement;
        this.raft = raft;
        LatticeConfig config = node.config();
        RequestLimits limits = node.limits();
        String name = placement.group();
        Headers headers =
                new Headers(
                        RaftMapping.clusterId(config, placement),
                        raft.view().nodeId(),
                        raft.view()::term);
        this.gate = new ReadGate(node.manifests(), raft.fence(), limits.timeout());
        this.publisher = new MemberPublisher(raft, config, placement, node.looks());
        this.leaseTicker =
                new LeaseTicker(
                        raft,
                        node.looks(),
                        e -> node.fatal().accept("the ticker of the leases failed", e));
        SpaceReclaimer reclaimer = new SpaceReclaimer(raft, limits.timeout());
        this.spaceKeeper =
                new SpaceKeeper(
                        raft,
                        reclaimer,
                        () -> node.tenants().get().of(name),
                        Headers.id(raft.view().nodeId()),
                        node.looks(),
                        e -> node.fatal().accept("the measuring of what tenants store failed", e));
        this.leases = new LeaseService(raft, headers, limits, node.fairScans(), gate);
        this.waiting = new WaitingCalls(raft, headers, limits, node.fairScans(), gate);
        this.watches =
                new WatchService(
                        raft,
                        headers,
                        gate,
                        keyspace -> watchLimits(node, keyspace),
                        node.watchHistory());
        this.leaderWanted = new LeaderWanted(this::hasLeader);
        leaderWanted.start(node.watchHistory(), config.raft().electionTimeoutMax());
        this.services =
                List.of(
                        DeepTxns.widen(
                                new KvService(raft, headers, limits, node.fairScans(), gate)
                                        .bindService()),
                        new MaintenanceService(raft, headers, reclaimer, node.fairScans(), gate)
                                .bindService(),
                        leases.bindService(),
                        new ClusterService(
                                        raft,
                                        headers,
                                        gate,
                                        config.cluster().tls() == null ? "http" : "https")
                                .bindService(),
                        watches.bindService(),
                        new LockService(waiting).bindService(),
                        new ElectionService(waiting).bindService());
        this.methods =
                TenantRouter.Services.of(
                        services.stream()
                                .map(service -> ServerInterceptors.intercept(service, leaderWanted))
                                .toList());
    }

    private static WatchContext.Limits watchLimits(Node node, int keyspace) {
        LatticeConfig config = node.config();
        return new WatchContext.Limits(
                config.limits().requestBytes() + MESSAGE_OVERHEAD_BYTES,
                WATCHERS_PER_STREAM_MAX,
                config.limits().watchProgressInterval(),
                () -> watchIdleTimeout(config, node.tenants().get().ofKeyspace(keyspace)));
    }

    private static Duration watchIdleTimeout(LatticeConfig config, @Nullable Tenant tenant) {
        return tenant == null
                ? config.tenants().watchIdleTimeout()
                : tenant.service().watchIdleTimeout();
    }

    void start() {
        publisher.start();
        leaseTicker.start();
        spaceKeeper.start();
    }

    String name() {
        return placement.group();
    }

    RaftNode raft() {
        return raft;
    }

    ReadGate gate() {
        return gate;
    }

    /// Whether this node knows who leads the group.
    boolean hasLeader() {
        return raft.view().leader() != null;
    }

    int watchStreams() {
        return watches.activeStreams();
    }

    /// What its services look like.
    List<ServerServiceDefinition> services() {
        return services;
    }

    /// How its calls are served.
    TenantRouter.Services methods() {
        return methods;
    }

    /// Ends the watch streams.
    void stopWatches() {
        publisher.stop();
        watches.stop();
    }

    /// Ends what would otherwise wait, when there are no new calls any more.
    void stopWaiting() {
        leases.stop();
        waiting.stop();
    }

    /// Ends what the group does by itself. Not earlier than its calls are done: leases go on while they are drained.
    void stop() {
        leaderWanted.stop();
        leaseTicker.close();
        spaceKeeper.close();
    }
}
