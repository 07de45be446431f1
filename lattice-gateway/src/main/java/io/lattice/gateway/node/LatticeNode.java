package io.lattice.gateway.node;

import io.grpc.Server;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.lattice.gateway.admission.FairExecutor;
import io.lattice.gateway.admission.TenantAdmission;
import io.lattice.gateway.admission.Tenants;
import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.grpc.CheckedRequests;
import io.lattice.gateway.grpc.ClusterService;
import io.lattice.gateway.grpc.DeepTxns;
import io.lattice.gateway.grpc.Headers;
import io.lattice.gateway.grpc.KvService;
import io.lattice.gateway.grpc.LeaseService;
import io.lattice.gateway.grpc.MaintenanceService;
import io.lattice.gateway.grpc.RequestLimits;
import io.lattice.gateway.grpc.WatchService;
import io.lattice.gateway.lease.LeaseTicker;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.gateway.raft.RaftSettings;
import io.lattice.gateway.security.TlsMaterial;
import io.lattice.gateway.tenant.SpaceKeeper;
import io.lattice.gateway.tenant.SpaceReclaimer;
import io.lattice.gateway.watch.WatchContext;
import io.lattice.statemachine.storage.StoreOptions;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
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

    private static final int HANDSHAKE_SECONDS = 10;

    /// Calls that one connection may have under way.
    private static final int CALLS_PER_CONNECTION_MAX = 10_000;

    /// Of HTTP/2, for each call of a client and each connection.
    private static final int FLOW_CONTROL_WINDOW_BYTES = 1 << 20;

    /// etcd refuses larger messages than this beyond its request limit.
    private static final int MESSAGE_OVERHEAD_BYTES = 512 << 10;

    /// Threads that read the history for watchers that are behind.
    private static final int WATCH_HISTORY_THREADS = 2;

    private static final int WATCHERS_PER_STREAM_MAX = 100_000;

    private final LatticeConfig config;
    private final RaftNode raft;
    private final MemberPublisher publisher;
    private final LeaseTicker leaseTicker;
    private final SpaceReclaimer reclaimer;
    private final SpaceKeeper spaceKeeper;
    private final ExecutorService scans;
    private final ScheduledExecutorService watchHistory;
    private final WatchService watches;
    private final HealthStatusManager health = new HealthStatusManager();
    private final LeaseService leases;
    private final Server server;
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
        TlsMaterial material =
                config.grpc().tls() == null ? null : TlsMaterial.load(config.grpc().tls());
        RaftSettings settings = RaftMapping.settings(config);
        this.raft =
                RaftNode.start(
                        settings,
                        StoreOptions.defaults(),
                        config.raft().snapshotThresholdEntries(),
                        LatticeNode::fatal);
        this.publisher = new MemberPublisher(raft, config);
        this.leaseTicker = new LeaseTicker(raft, e -> fatal("the ticker of the leases failed", e));
        this.watchHistory =
                Executors.newScheduledThreadPool(
                        WATCH_HISTORY_THREADS,
                        Thread.ofPlatform().name("lattice-watch-", 0).daemon().factory());
        Headers headers = new Headers(RaftMapping.clusterId(config), raft.view());
        RequestLimits limits =
                new RequestLimits(
                        config.limits().requestBytes(),
                        config.limits().txnOps(),
                        config.limits().requestTimeout());
        Tenants tenants = TenantMapping.tenants(config);
        FairExecutor fairScans = fairScans(tenants, scanThreads);
        this.reclaimer = new SpaceReclaimer(raft, limits.timeout());
        this.spaceKeeper =
                new SpaceKeeper(
                        raft,
                        reclaimer,
                        tenants.all(),
                        Headers.id(raft.view().nodeId()),
                        e -> fatal("the measuring of what tenants store failed", e));
        this.leases = new LeaseService(raft, headers, limits, fairScans);
        this.watches = watchService(headers, limits);
        this.server =
                buildServer(
                                material,
                                headers,
                                limits,
                                new TenantAdmission(tenants, material == null),
                                fairScans)
                        .start();
        publisher.start();
        leaseTicker.start();
        spaceKeeper.start();
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

    /// With several tenants, one thread is left to the others whatever one of them does.
    private FairExecutor fairScans(Tenants tenants, int scanThreads) {
        int laneThreads = tenants.all().size() == 1 ? scanThreads : scanThreads - 1;
        return new FairExecutor(scans, scanThreads, laneThreads, SCANS_WAITING_MAX);
    }

    private WatchService watchService(Headers headers, RequestLimits limits) {
        return new WatchService(
                raft,
                headers,
                limits,
                new WatchContext.Limits(
                        config.limits().requestBytes() + MESSAGE_OVERHEAD_BYTES,
                        WATCHERS_PER_STREAM_MAX,
                        config.limits().watchProgressInterval(),
                        config.tenants().watchIdleTimeout()),
                config.raft().electionTimeoutMax(),
                watchHistory);
    }

    private Server buildServer(
            @Nullable TlsMaterial material,
            Headers headers,
            RequestLimits limits,
            TenantAdmission admission,
            FairExecutor fairScans)
            throws IOException {
        CheckedRequests checks =
                new CheckedRequests(config.limits().requestBytes() + MESSAGE_OVERHEAD_BYTES);
        NettyServerBuilder builder =
                NettyServerBuilder.forAddress(config.grpc().bind().toSocketAddress())
                        .directExecutor()
                        // A window of its own: by default grpc measures the bandwidth, with a ping
                        // for nearly every request.
                        .flowControlWindow(FLOW_CONTROL_WINDOW_BYTES)
                        .maxInboundMessageSize(checks.transportBytesMax())
                        .maxConcurrentCallsPerConnection(CALLS_PER_CONNECTION_MAX)
                        .handshakeTimeout(HANDSHAKE_SECONDS, TimeUnit.SECONDS)
                        .maxConnectionIdle(
                                config.grpc().idleTimeout().toMillis(), TimeUnit.MILLISECONDS)
                        .permitKeepAliveTime(5, TimeUnit.SECONDS)
                        .permitKeepAliveWithoutCalls(true)
                        .addTransportFilter(admission)
                        .intercept(admission)
                        .addService(
                                checks.check(
                                        DeepTxns.widen(
                                                new KvService(raft, headers, limits, fairScans)
                                                        .bindService())))
                        .addService(
                                checks.check(
                                        new MaintenanceService(raft, headers, reclaimer, fairScans)
                                                .bindService()))
                        .addService(checks.check(leases.bindService()))
                        .addService(
                                checks.check(
                                        new ClusterService(
                                                        raft,
                                                        headers,
                                                        limits,
                                                        config.cluster().tls() == null
                                                                ? "http"
                                                                : "https")
                                                .bindService()))
                        .addService(checks.check(watches.bindService()))
                        .addService(checks.check(health.getHealthService().bindService()));
        if (material != null) {
            builder.sslContext(sslContext(material));
        }
        health.setStatus(HealthStatusManager.SERVICE_NAME_ALL_SERVICES, ServingStatus.SERVING);
        return builder.build();
    }

    private SslContext sslContext(TlsMaterial material) throws IOException {
        String[] protocols =
                switch (config.grpc().minTlsVersion()) {
                    case TLS_1_2 -> new String[] {"TLSv1.2", "TLSv1.3"};
                    case TLS_1_3 -> new String[] {"TLSv1.3"};
                };
        return GrpcSslContexts.configure(
                        SslContextBuilder.forServer(
                                material.key(), material.chain().toArray(X509Certificate[]::new)))
                .trustManager(material.ca().toArray(X509Certificate[]::new))
                .clientAuth(ClientAuth.REQUIRE)
                .protocols(protocols)
                .build();
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
        health.enterTerminalState();
        publisher.stop();
        watches.stop();
        server.shutdown();
        leases.stop();
        try {
            if (!server.awaitTermination(
                    config.admin().drainTimeout().toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.info("calls are still under way after the drain timeout: cutting them off");
                server.shutdownNow();
            }
            // Not earlier: leases go on while calls are drained.
            leaseTicker.close();
            spaceKeeper.close();
            raft.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            LOG.error("the node did not stop cleanly", e);
        } finally {
            scans.shutdownNow();
            watchHistory.shutdownNow();
            stopped.countDown();
        }
        LOG.info("stopped");
    }
}
