package io.lattice.gateway.node;

import io.grpc.ServerServiceDefinition;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.protobuf.services.HealthStatusManager;
import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.routing.RoutingTable;
import io.lattice.gateway.admission.EpochCheck;
import io.lattice.gateway.admission.FairExecutor;
import io.lattice.gateway.admission.LiveTenants;
import io.lattice.gateway.admission.TenantAdmission;
import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.grpc.CheckedRequests;
import io.lattice.gateway.grpc.MaintenanceService;
import io.lattice.gateway.grpc.TenantRouter;
import io.lattice.gateway.http.ClientPort;
import io.lattice.gateway.http.EtcdServices;
import io.lattice.gateway.http.Limits;
import io.lattice.gateway.observability.AuditLog;
import io.lattice.gateway.observability.BuildVersion;
import io.lattice.gateway.observability.CallMetrics;
import io.lattice.gateway.observability.DurationHistogram;
import io.lattice.gateway.observability.Instruments;
import io.lattice.gateway.observability.NodeSnapshot;
import io.lattice.gateway.observability.RequestIds;
import io.lattice.gateway.observability.SlowRequests;
import io.lattice.gateway.observability.Telemetry;
import io.lattice.gateway.raft.RaftHost;
import io.lattice.gateway.raft.RaftMetrics;
import io.lattice.gateway.security.ClientTls;
import io.lattice.gateway.security.SwappableTls;
import io.lattice.gateway.security.TlsFiles;
import io.lattice.gateway.security.TlsReloader;
import io.lattice.statemachine.storage.StoreOptions;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One running node: consensus, state, and the client port. Started and stopped once.
public final class LatticeNode {
    private static final Logger LOG = LoggerFactory.getLogger(LatticeNode.class);

    /// Exit status of a process that ended itself because it could not go on without losing or forking data.
    public static final int FATAL_EXIT_STATUS = 70;

    private static final long HALT_NANOS = TimeUnit.SECONDS.toNanos(2);

    /// Reads that may wait for a thread; further ones are refused.
    private static final int SCANS_WAITING_MAX = 10_000;

    /// For a TLS handshake, and for the head of a request.
    private static final Duration HANDSHAKE_TIME = Duration.ofSeconds(10);

    /// For the body of a request to the JSON gateway.
    private static final Duration BODY_TIME = Duration.ofMinutes(1);

    /// For other nodes to take over what this one leads before it stops.
    private static final Duration HAND_OVER_TIME = Duration.ofSeconds(3);

    /// Threads that read the history for watchers that are behind.
    private static final int WATCH_HISTORY_THREADS = 2;

    /// Threads that see for all groups whether a tick of the leases, or a look at what tenants store, is due. Two, since a look may flush
    /// a store.
    private static final int LOOK_THREADS = 2;

    private final LatticeConfig config;
    private final Manifests manifests;
    private final RaftHost raft;
    private final HostedGroups groups;
    private final ExecutorService scans;
    private final ScheduledExecutorService watchHistory;
    private final ScheduledExecutorService looks;
    private final HealthStatusManager health = new HealthStatusManager();
    private final TlsReloader certificates = new TlsReloader(TlsReloader.INTERVAL);
    private final NodeStatus status;
    private final RequestIds requestIds = new RequestIds();
    private final LongAdder dirtyEpochs = new LongAdder();
    private final CallMetrics calls;
    private final NodeObserver observer;
    private final ClientPort clientPort;
    private final @Nullable Telemetry telemetry;
    private final CountDownLatch stopped = new CountDownLatch(1);

    private LatticeNode(LatticeConfig config) throws IOException, InterruptedException {
        this.config = config;
        int scanThreads = Math.max(2, Runtime.getRuntime().availableProcessors());
        this.scans =
                new ThreadPoolExecutor(
                        scanThreads,
                        scanThreads,
                        0,
                        TimeUnit.SECONDS,
                        new ArrayBlockingQueue<>(SCANS_WAITING_MAX),
                        Thread.ofPlatform().name("lattice-scan-", 0).daemon().factory());
        ClientTls clientTls = clientTls(config.grpc().tls());
        SwappableTls peerTls = peerTls(config.cluster().tls());
        this.manifests = Manifests.open(config, certificates);
        Manifest manifest = manifests.source().current();
        List<Placement> placements = Placement.atLeastOne(config, manifest);
        this.watchHistory =
                Executors.newScheduledThreadPool(
                        WATCH_HISTORY_THREADS,
                        Thread.ofPlatform().name("lattice-watch-", 0).daemon().factory());
        this.looks =
                Executors.newScheduledThreadPool(
                        LOOK_THREADS,
                        Thread.ofPlatform().name("lattice-looks-", 0).daemon().factory());
        LiveTenants tenants = new LiveTenants(manifests.source(), config.tenants().defaultTenant());
        this.raft =
                RaftHost.start(
                        RaftMapping.settings(config, placements, peerTls),
                        open -> StoreOptions.shared(Math.max(open, placements.size())),
                        config.raft().snapshotThresholdEntries(),
                        LatticeNode::fatal);
        this.groups =
                new HostedGroups(
                        raft,
                        new HostedGroup.Node(
                                config,
                                manifests.source(),
                                tenants,
                                fairScans(manifest, scanThreads),
                                watchHistory,
                                looks,
                                LatticeNode::fatal));
        openGroups(placements);
        // Before a manifest that came meanwhile has this node leave what it has opened.
        List<ServerServiceDefinition> services = services();
        manifests.follow(changed -> {
            tenants.refresh();
            groups.follow(changed);
        });
        tenants.refresh();
        groups.follow(manifests.source().current());
        this.calls =
                new CallMetrics(
                        EtcdServices.DESCRIPTORS,
                        new SlowRequests(config.telemetry().slowRequest(), requestIds));
        this.observer =
                new NodeObserver(
                        config,
                        groups,
                        tenants,
                        manifests,
                        BuildVersion.lattice(),
                        MaintenanceService.ETCD_VERSION);
        this.status = new NodeStatus(groups, tenants, manifests.source());
        this.clientPort =
                openClientPort(
                        clientTls,
                        services,
                        new TenantAdmission(
                                tenants,
                                new EpochCheck(new RoutingTable(manifests.source()), dirtyEpochs),
                                clientTls == null));
        this.telemetry = config.telemetry().enabled() ? telemetry() : null;
        certificates.start();
        groups.start();
    }

    private void openGroups(List<Placement> placements) throws IOException, InterruptedException {
        boolean open = false;
        try {
            groups.open(placements);
            open = true;
        } finally {
            if (!open) {
                groups.stopChanging();
                raft.close();
            }
        }
    }

    /// Starts a node and returns once it serves clients. It may not have a leader yet: requests wait for one.
    ///
    /// @throws IOException if a directory, a port or a file of the configuration can't be used
    public static LatticeNode start(LatticeConfig config) throws IOException, InterruptedException {
        LatticeNode node = new LatticeNode(config);
        LOG.info(
                "ready: node {} serves clients on {}",
                config.cluster().nodeId(),
                config.grpc().bind());
        return node;
    }

    /// With several tenants, one thread is left to the others whatever one of them does. With a control plane there may be
    /// several at any time.
    private FairExecutor fairScans(Manifest manifest, int scanThreads) {
        boolean alone =
                config.controlPlane().mode() == LatticeConfig.ControlPlaneMode.STANDALONE
                        && manifest.tenants().size() == 1;
        int laneThreads = alone ? scanThreads : scanThreads - 1;
        return new FairExecutor(scans, scanThreads, laneThreads, SCANS_WAITING_MAX);
    }

    private Telemetry telemetry() throws IOException {
        observer.start();
        return Telemetry.serve(
                config.telemetry().metricsBind().toSocketAddress(),
                observer::look,
                new Instruments(
                        calls,
                        () -> durations(RaftMetrics::syncs),
                        () -> durations(RaftMetrics::applies),
                        dirtyEpochs),
                RaftMetrics::ratis);
    }

    private List<DurationHistogram> durations(Function<RaftMetrics, DurationHistogram> of) {
        return groups.all().stream().map(group -> of.apply(group.raft().metrics())).toList();
    }

    /// Null if none is wanted.
    private @Nullable AuditLog auditLog(TenantAdmission admission) {
        LatticeConfig.AuditLog audit = config.telemetry().auditLog();
        return audit == null
                ? null
                : new AuditLog(audit.reads(), requestIds, admission::tenantName);
    }

    private List<ServerServiceDefinition> services() {
        TenantRouter router = new TenantRouter(groups::methods);
        HostedGroup any = groups.all().iterator().next();
        return Stream.concat(
                        any.services().stream().map(router::route),
                        Stream.of(health.getHealthService().bindService()))
                .toList();
    }

    private ClientPort openClientPort(
            @Nullable ClientTls tls,
            List<ServerServiceDefinition> services,
            TenantAdmission admission)
            throws IOException {
        CheckedRequests checks =
                new CheckedRequests(
                        config.limits().requestBytes() + HostedGroup.MESSAGE_OVERHEAD_BYTES);
        health.setStatus(HealthStatusManager.SERVICE_NAME_ALL_SERVICES, ServingStatus.SERVING);
        AuditLog audit = auditLog(admission);
        return ClientPort.start(
                config.grpc().bind().toSocketAddress(),
                tls,
                new Limits(
                        config.grpc().maxConnections(),
                        config.grpc().idleTimeout(),
                        HANDSHAKE_TIME,
                        BODY_TIME,
                        checks.transportBytesMax()),
                services.stream().map(checks::check).toList(),
                audit == null ? List.of(admission) : List.of(audit, admission),
                audit == null ? List.of(admission) : List.of(audit, admission),
                calls,
                status);
    }

    private @Nullable ClientTls clientTls(@Nullable TlsFiles files) throws IOException {
        if (files == null) {
            return null;
        }
        List<String> versions =
                switch (config.grpc().minTlsVersion()) {
                    case TLS_1_2 -> List.of("TLSv1.2", "TLSv1.3");
                    case TLS_1_3 -> List.of("TLSv1.3");
                };
        return certificates.follow(
                "client port", files, material -> new ClientTls(material, versions));
    }

    private @Nullable SwappableTls peerTls(@Nullable TlsFiles files) throws IOException {
        return files == null ? null : certificates.follow("Raft port", files, SwappableTls::new);
    }

    /// Ends the process at once: after this, going on could lose what was acknowledged or make replicas differ.
    private static void fatal(String what, Throwable cause) {
        // Logging may block, on a full disk for example, and must not keep the process alive.
        Thread.ofPlatform()
                .daemon()
                .name("lattice-halt")
                .start(() -> {
                    LockSupport.parkNanos(HALT_NANOS);
                    Runtime.getRuntime().halt(FATAL_EXIT_STATUS);
                });
        try {
            LOG.error("ending the process: {}", what, cause);
        } finally {
            Runtime.getRuntime().halt(FATAL_EXIT_STATUS);
        }
    }

    /// Waits until [#stop] is done.
    public void awaitStopped() throws InterruptedException {
        stopped.await();
    }

    /// Stops in order: no new calls, those under way finish, then consensus and the state.
    public void stop() {
        LOG.info("stopping");
        observer.drain(NodeSnapshot.Drain.DRAINING);
        health.enterTerminalState();
        status.stopping();
        certificates.close();
        try {
            groups.stopChanging();
            raft.handOver(HAND_OVER_TIME);
            groups.stopWatches();
            clientPort.shutdown();
            groups.stopWaiting();
            if (!clientPort.drain(config.admin().drainTimeout())) {
                LOG.info("calls are still under way after the drain timeout: they were cut off");
            }
            // Not earlier: leases go on while calls are drained.
            groups.stop();
            observer.drain(NodeSnapshot.Drain.STOPPED);
            observer.close();
            if (telemetry != null) {
                telemetry.close();
            }
            manifests.close();
            raft.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            LOG.error("the node did not stop cleanly", e);
        } finally {
            scans.shutdownNow();
            watchHistory.shutdownNow();
            looks.shutdownNow();
            stopped.countDown();
        }
        LOG.info("stopped");
    }
}
