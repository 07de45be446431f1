package io.lattice.gateway.raft;

import com.google.protobuf.ByteString;
import io.lattice.proto.peer.LoadReply;
import io.lattice.statemachine.storage.StoreOptions;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.apache.ratis.conf.Parameters;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.grpc.GrpcConfigKeys;
import org.apache.ratis.grpc.GrpcTlsConfig;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerConfigKeys;
import org.apache.ratis.server.storage.RaftStorage;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What this process' members of all Raft groups share: the Ratis server and its port, the identity, the connections to the
/// other nodes, and the threads that tick and complete. Started and stopped once; groups may be opened and closed at any time,
/// by any thread, one call for a group at a time.
public final class RaftHost implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RaftHost.class);

    /// Between two looks for what has waited too long: while anything waits, and else.
    private static final long TICK_MS = 10;

    private static final long CLOSE_LOOK_MS = 5;

    /// How long connections may take to close once the groups are closed.
    private static final long CONNECTIONS_PATIENCE_MS = 1_000;

    private static final long IDLE_TICK_MS = 50;

    /// Where Ratis finds no groups while it starts.
    private static final String NOWHERE = "none";

    private final Parts parts;
    private final Map<RaftGroupId, RaftNode> groups = new ConcurrentHashMap<>();

    /// Groups that are open or being opened.
    private final Set<UUID> reserved = ConcurrentHashMap.newKeySet();

    private final LeaderSpread spread = new LeaderSpread(System.nanoTime());

    private volatile boolean stopping;

    /// Whether this node is about to stop and shouldn't lead more.
    private volatile boolean unwilling;

    /// What a member of a group has of its host.
    ///
    /// @param storeOptions of the store of a group that is opened now
    /// @param snapshotThresholdEntries log entries between two checkpoints
    /// @param members reaches members of any group by their Raft identities
    /// @param fatal told what happened when the process must end; called on any thread
    /// @param load how much this process leads
    /// @param tls of the Raft port; null for plain text
    record Parts(
            RaftSettings settings,
            RaftIdentity identity,
            RaftServer server,
            Supplier<StoreOptions> storeOptions,
            long snapshotThresholdEntries,
            PeerClients members,
            ScheduledExecutorService ticker,
            ExecutorService completions,
            BiConsumer<String, Throwable> fatal,
            Supplier<LoadReply> load,
            @Nullable GrpcTlsConfig tls) {}

    private RaftHost(
            RaftSettings settings,
            RaftIdentity identity,
            IntFunction<StoreOptions> storeOptions,
            long snapshotThresholdEntries,
            BiConsumer<String, Throwable> fatal)
            throws IOException {
        RaftSettings.PeerTls material = settings.tls();
        GrpcTlsConfig tls = material == null ? null : material.config();
        this.parts =
                new Parts(
                        settings,
                        identity,
                        buildServer(settings, identity, tls, fatal),
                        () -> storeOptions.apply(reserved.size()),
                        snapshotThresholdEntries,
                        new PeerClients(this::addressOf, tls),
                        Executors.newSingleThreadScheduledExecutor(
                                Thread.ofPlatform().name("lattice-raft-ticker").daemon().factory()),
                        Executors.newSingleThreadExecutor(
                                Thread.ofPlatform().name("lattice-completions").daemon().factory()),
                        fatal,
                        this::load,
                        tls);
    }

    /// Opens the directories and the port, and starts Ratis, without any group.
    ///
    /// @param storeOptions of a group's store, by the number of groups that this process has with it when it is opened
    /// @param snapshotThresholdEntries log entries between two checkpoints
    /// @param fatal told what happened when the process must end; called on any thread
    /// @throws IOException if a directory or port can't be used; nothing was changed
    public static RaftHost start(
            RaftSettings settings,
            IntFunction<StoreOptions> storeOptions,
            long snapshotThresholdEntries,
            BiConsumer<String, Throwable> fatal)
            throws IOException {
        RaftPort.requireFree(settings.bindHost(), settings.bindPort());
        RaftIdentity identity = RaftIdentity.open(settings);
        RaftHost host = null;
        boolean started = false;
        try {
            host = new RaftHost(settings, identity, storeOptions, snapshotThresholdEntries, fatal);
            host.startServer();
            host.tickAfter(TICK_MS);
            started = true;
            return host;
        } finally {
            if (!started) {
                if (host != null) {
                    host.close();
                } else {
                    identity.close();
                }
            }
        }
    }

    private RaftServer buildServer(
            RaftSettings settings,
            RaftIdentity identity,
            @Nullable GrpcTlsConfig tls,
            BiConsumer<String, Throwable> fatal)
            throws IOException {
        AppendReplies.onEventLoops();
        Parameters parameters = new Parameters();
        new RatisTransport(
                        group -> member(group).pusher(),
                        group -> member(group).stateMachine().isInstalling())
                .register(parameters);
        if (tls != null) {
            GrpcConfigKeys.TLS.setConf(parameters, tls);
        }
        PeerGuard guard =
                new PeerGuard(
                        identity.raftId(),
                        tls != null,
                        this::isOpen,
                        group -> new RaftFolders(settings.walDirectory(), group).log(),
                        fatal);
        RaftSettings.PeerTls material = settings.tls();
        PeerServerTls serverTls = material == null ? null : new PeerServerTls(material);
        GrpcConfigKeys.Server.setServicesCustomizer(
                parameters,
                new PeerPort(serverTls, guard, group -> services(settings, identity, group)));
        RaftProperties properties = RatisProperties.of(settings);
        // Ratis would open each group on disk at once, without its founders, which a log may lack.
        // They are opened one by one, so it is shown the folder only when it has looked.
        var directories = RaftServerConfigKeys.storageDir(properties);
        RaftServerConfigKeys.setStorageDir(
                properties, List.of(settings.walDirectory().resolve(NOWHERE).toFile()));
        RaftServer server =
                RaftServer.newBuilder()
                        .setServerId(RaftPeerId.valueOf(identity.raftId()))
                        .setOption(RaftStorage.StartupOption.RECOVER)
                        .setStateMachineRegistry(group -> member(group).stateMachine())
                        .setProperties(properties)
                        .setParameters(parameters)
                        .build();
        RaftServerConfigKeys.setStorageDir(server.getProperties(), directories);
        return server;
    }

    /// Ratis wraps what goes wrong while it starts.
    private void startServer() throws IOException {
        try {
            parts.server().start();
        } catch (CompletionException e) {
            throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
        }
    }

    /// Whether this node has had a store of the group and hasn't left it.
    public boolean hasDataOf(GroupSettings group) {
        return Files.exists(group.storeDirectory(parts.settings().dataDirectory()));
    }

    private RaftNode member(RaftGroupId group) {
        RaftNode node = groups.get(group);
        if (node == null) {
            throw new IllegalStateException("this node isn't in the group " + group);
        }
        return node;
    }

    private boolean isOpen(UUID group) {
        RaftNode node = groups.get(RaftGroupId.valueOf(group));
        return node != null && node.isOpen();
    }

    private PeerServer.Handler services(
            RaftSettings settings, RaftIdentity identity, ByteString id) {
        if (id.size() != Long.BYTES * 2) {
            return new AbsentGroup(settings, identity, null);
        }
        ByteBuffer bytes = id.asReadOnlyByteBuffer();
        UUID group = new UUID(bytes.getLong(), bytes.getLong());
        RaftNode node = groups.get(RaftGroupId.valueOf(group));
        return node == null ? new AbsentGroup(settings, identity, group) : node.services();
    }

    private @Nullable String addressOf(String raftId) {
        for (RaftNode node : groups.values()) {
            String address = node.addressOf(raftId);
            if (address != null) {
                return address;
            }
        }
        return null;
    }

    /// Opens a group and, on the first start, founds or joins it. Returns when this node is a member; it may not have a leader
    /// yet.
    ///
    /// @throws IOException if a directory can't be used
    public RaftNode open(GroupSettings group) throws IOException, InterruptedException {
        // Before its files are touched: they may be in use.
        if (!reserved.add(group.id())) {
            throw new IllegalStateException("group " + group.name() + " is open already");
        }
        RaftNode node = null;
        try {
            GroupSettings settings = group;
            while (node == null) {
                RaftNode opening = new RaftNode(parts, settings);
                node = openOrClose(opening);
                settings = opening.group();
            }
            return node;
        } finally {
            if (node == null) {
                reserved.remove(group.id());
            }
        }
    }

    /// The node, or null if it has to be opened again.
    private @Nullable RaftNode openOrClose(RaftNode node) throws IOException, InterruptedException {
        groups.put(RaftGroupId.valueOf(node.group().id()), node);
        boolean open = false;
        try {
            if (stopping) {
                throw new InterruptedException("stopping");
            }
            open = node.open();
        } finally {
            if (!open) {
                close(node);
            }
        }
        if (!open) {
            LOG.info("opening group {} again", node.group().name());
        }
        return open ? node : null;
    }

    /// Has a group that is open, or being opened, go by other settings, for who founds it and may join. Others are left alone.
    public void configure(GroupSettings group) {
        RaftNode node = groups.get(RaftGroupId.valueOf(group.id()));
        if (node != null) {
            node.configure(group);
        }
    }

    private void close(RaftNode node) throws IOException {
        try {
            node.close();
        } finally {
            groups.remove(RaftGroupId.valueOf(node.group().id()), node);
        }
    }

    private void spreadLeaders(long now) {
        try {
            spread.tick(now, led());
        } catch (RuntimeException e) {
            // A group may close meanwhile; balance can wait.
            LOG.warn("leaders could not be spread", e);
        }
    }

    private LoadReply load() {
        return LoadReply.newBuilder()
                .setWilling(!unwilling && groups.values().stream().noneMatch(RaftNode::wasRelieved))
                .setLeaderships(led().size())
                .build();
    }

    private List<RaftNode> led() {
        return groups.values().stream().filter(RaftNode::leads).toList();
    }

    /// Hands over what this node leads, before it stops, to followers that have all entries. Other nodes don't give it more.
    ///
    /// @param patience after which it goes on without
    public void handOver(Duration patience) throws InterruptedException {
        unwilling = true;
        CompletableFuture<?>[] all =
                groups.values().stream()
                        .map(RaftNode::handOver)
                        .toArray(CompletableFuture<?>[]::new);
        try {
            CompletableFuture.allOf(all).get(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            LOG.info("stopping with leaderships that were not handed over within {}", patience);
        } catch (ExecutionException e) {
            throw new IllegalStateException("a hand-over never fails", e);
        }
    }

    /// Closes a group that is to be opened again.
    public void release(RaftNode node) throws IOException {
        try {
            close(node);
        } finally {
            reserved.remove(node.group().id());
        }
    }

    /// Closes a group that this node has left for good, and puts its log and its state aside, below `left` in both directories;
    /// the term that it has promised to stays, so that it can come back.
    ///
    /// @return where they are now
    /// @throws IOException if a directory can't be used
    public List<Path> leave(RaftNode node) throws IOException {
        close(node);
        try {
            return node.putAside();
        } finally {
            reserved.remove(node.group().id());
        }
    }

    private void tickAfter(long millis) {
        try {
            var _ = parts.ticker().schedule(this::tick, millis, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            if (!stopping) {
                throw e;
            }
            LOG.debug("the node stops", e);
        }
    }

    private void tick() {
        try {
            long now = System.nanoTime();
            boolean waiting = false;
            for (RaftNode node : groups.values()) {
                waiting |= node.tick(now);
            }
            spreadLeaders(now);
            parts.members().tick();
            tickAfter(waiting ? TICK_MS : IDLE_TICK_MS);
        } catch (RuntimeException | Error e) {
            if (!stopping) {
                parts.fatal().accept("the Raft ticker failed", e);
            }
        }
    }

    /// Closes Ratis, and leaves behind what it waits for after its groups are closed and on disk: 3 s for each connection on which
    /// it has left a stream open, which it does whenever a heartbeat fails (`GrpcLogAppender.resetClient`, Ratis 3.3.0).
    private void closeServer() throws IOException {
        CompletableFuture<Void> closed = new CompletableFuture<>();
        Thread.ofPlatform()
                .name("lattice-raft-close")
                .daemon()
                .start(() -> {
                    try {
                        parts.server().close();
                        closed.complete(null);
                    } catch (IOException | RuntimeException | Error e) {
                        // Perhaps nobody waits any more.
                        LOG.warn("consensus was not closed cleanly", e);
                        closed.completeExceptionally(e);
                    }
                });
        try {
            while (!closed.isDone()
                    && !groups.values().stream().allMatch(RaftNode::isFullyClosed)) {
                TimeUnit.MILLISECONDS.sleep(CLOSE_LOOK_MS);
            }
            closed.get(CONNECTIONS_PATIENCE_MS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            LOG.debug("the groups are closed, connections are still being closed", e);
        } catch (ExecutionException e) {
            throw new IOException("consensus was not closed cleanly", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while consensus was being closed");
        }
    }

    /// Stops in the order of the data's way: no new requests, then consensus, then the state.
    @Override
    public void close() throws IOException {
        stopping = true;
        try {
            groups.values().forEach(RaftNode::beginStop);
            parts.ticker().shutdownNow();
            try {
                closeServer();
            } finally {
                groups.values().forEach(RaftNode::endStop);
                parts.members().close();
                parts.completions().shutdown();
            }
        } finally {
            parts.identity().close();
        }
    }
}
