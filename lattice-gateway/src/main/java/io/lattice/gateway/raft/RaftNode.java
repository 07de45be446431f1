package io.lattice.gateway.raft;

import io.lattice.statemachine.apply.StateStore;
import io.lattice.statemachine.raft.LatticeStateMachine;
import io.lattice.statemachine.raft.LogExtent;
import io.lattice.statemachine.storage.StoreOptions;
import io.lattice.statemachine.watch.WatchHub;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.apache.ratis.conf.Parameters;
import org.apache.ratis.grpc.GrpcConfigKeys;
import org.apache.ratis.grpc.GrpcTlsConfig;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.storage.RaftStorage;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// This process' member of the Raft group: the Ratis server, its state machine, and what the gateway uses of them.
///
/// Started once and stopped once, by one thread; the parts it hands out are thread-safe. Whatever must end the
/// process is reported to `fatal`, which doesn't return to normal operation.
public final class RaftNode implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RaftNode.class);

    /// Between two looks for what has waited too long: while anything waits, and else.
    private static final long TICK_MS = 10;

    private static final long IDLE_TICK_MS = 50;

    private final RaftSettings settings;
    private final ConfiguredPeers peers;
    private final RaftFolders folders;
    private final RaftIdentity identity;
    private final RaftGroupId groupId;
    private final RaftServer server;
    private final RatisCalls calls;
    private final LatticeStateMachine stateMachine;
    private final CommitPusher pusher;
    private final AppliedGate gate = new AppliedGate();
    private final Applications applications;
    private final @Nullable GrpcTlsConfig tls;
    private final ScheduledExecutorService ticker =
            Executors.newSingleThreadScheduledExecutor(
                    Thread.ofPlatform().name("lattice-raft-ticker").daemon().factory());
    private final ExecutorService completions =
            Executors.newSingleThreadExecutor(
                    Thread.ofPlatform().name("lattice-completions").daemon().factory());
    private final Pauses pauses = new Pauses();
    private final boolean hasLog;
    private volatile boolean stopping;
    private volatile boolean member;
    private volatile RaftServer.@Nullable Division division;
    private volatile @Nullable Running running;

    /// What exists only once the division runs.
    private record Running(
            RaftServer.Division division,
            RaftView view,
            PeerClients peers,
            Proposer proposer,
            ReadFence fence,
            Leadership leadership,
            Watchdog watchdog) {}

    private RaftNode(
            RaftSettings settings,
            RaftIdentity identity,
            StoreOptions storeOptions,
            long snapshotThresholdEntries,
            LogExtent log,
            BiConsumer<String, Throwable> fatal)
            throws IOException {
        this.settings = settings;
        this.peers = new ConfiguredPeers(settings.peers());
        this.folders = new RaftFolders(settings);
        this.identity = identity;
        this.groupId = RaftGroupId.valueOf(settings.groupId());
        this.pusher = new CommitPusher(pauses);
        this.applications = new Applications(gate, fatal);
        this.stateMachine =
                new LatticeStateMachine(
                        settings.dataDirectory(),
                        storeOptions,
                        snapshotThresholdEntries,
                        log,
                        applications);
        this.hasLog = folders.hasLog();
        RaftSettings.PeerTls material = settings.tls();
        this.tls = material == null ? null : material.config();
        this.server = buildServer();
        this.calls = new RatisCalls(server, groupId);
    }

    /// Opens the directories, starts Ratis and, on the first start, founds or joins the group. Returns when this
    /// node is a member; it may not have a leader yet.
    ///
    /// @param snapshotThresholdEntries log entries between two checkpoints
    /// @param fatal told what happened when the process must end; called on any thread
    /// @throws IOException if a directory or port can't be used; nothing was changed
    public static RaftNode start(
            RaftSettings settings,
            StoreOptions storeOptions,
            long snapshotThresholdEntries,
            BiConsumer<String, Throwable> fatal)
            throws IOException, InterruptedException {
        RaftPort.requireFree(settings.bindHost(), settings.bindPort());
        RaftIdentity identity = RaftIdentity.open(settings);
        boolean started = false;
        try {
            RaftNode node = null;
            while (node == null) {
                RaftFolders folders = new RaftFolders(settings);
                folders.discardHalfMade();
                LogExtent log = LogRepair.run(folders.log());
                node =
                        new RaftNode(
                                        settings,
                                        identity,
                                        storeOptions,
                                        snapshotThresholdEntries,
                                        log,
                                        fatal)
                                .runOrShutDown();
            }
            started = true;
            return node;
        } finally {
            if (!started) {
                identity.close();
            }
        }
    }

    /// This, once it is a member; null if Ratis closed the group before, and all has to be opened anew.
    ///
    /// A node that joins has a log in which it isn't a member until the entry that makes it one arrives. If its leader is silent
    /// for an election timeout before that, Ratis would have it elected, sees that it is no member, and closes the group as
    /// if it had been removed.
    private @Nullable RaftNode runOrShutDown() throws IOException, InterruptedException {
        boolean up = false;
        try {
            stateMachine.expectClose();
            up = run();
        } finally {
            if (!up) {
                shutDown();
            }
        }
        if (!up) {
            LOG.warn("Ratis closed the group while this node was joining: opening it again");
        }
        return up ? this : null;
    }

    private RaftServer buildServer() throws IOException {
        Parameters parameters = new Parameters();
        new RatisTransport(pusher).register(parameters);
        if (tls != null) {
            GrpcConfigKeys.TLS.setConf(parameters, tls);
        }
        MemberServices handler = new MemberServices(this, settings, peers, identity);
        PeerGuard guard =
                new PeerGuard(identity.raftId(), tls != null, folders.log(), applications::failed);
        RaftSettings.PeerTls material = settings.tls();
        PeerServerTls serverTls = material == null ? null : new PeerServerTls(material);
        GrpcConfigKeys.Server.setServicesCustomizer(
                parameters, new PeerPort(serverTls, guard, handler));
        // Without a group: one that is on disk is found there, and one that isn't is added when it
        // is clear how. A founder's may not hold its members yet, if the process died before the
        // first election.
        return RaftServer.newBuilder()
                .setServerId(RaftPeerId.valueOf(identity.raftId()))
                .setGroup(
                        hasLog && !identity.founders().isEmpty()
                                ? peers.group(groupId, identity.founders())
                                : null)
                .setOption(RaftStorage.StartupOption.RECOVER)
                .setStateMachineRegistry(group -> stateMachine)
                .setProperties(RatisProperties.of(settings))
                .setParameters(parameters)
                .build();
    }

    /// Returns whether this node is a member and its group open.
    private boolean run() throws IOException, InterruptedException {
        if (!hasLog && identity.logMade()) {
            throw new RaftIdentity.DirectoryException(
                    "the Raft log of %s is gone from %s: it may have voted, and must not begin with an empty log; bring it back, or empty %s and %s to rejoin as a new member"
                            .formatted(
                                    identity.raftId(),
                                    settings.walDirectory(),
                                    settings.walDirectory(),
                                    settings.dataDirectory()));
        }
        startServer();
        if (!hasLog) {
            enterGroup();
        }
        identity.noteLogMade();
        RaftServer.Division started = server.getDivision(groupId);
        gate.advance(stateMachine.getLastAppliedTermIndex().getIndex());
        RaftView view = new RaftView(started);
        PeerClients members = new PeerClients(id -> addressOf(started, id), tls);
        Proposer proposer =
                new Proposer(
                        view,
                        members,
                        calls,
                        pusher,
                        settings,
                        completions,
                        new SecureRandom().nextLong());
        ReadFence fence = new ReadFence(view, members, gate, pauses);
        Leadership leadership =
                new Leadership(
                        calls, view, pusher::followers, settings.electionTimeoutMax().toMillis());
        Watchdog watchdog =
                new Watchdog(
                        new Watched(
                                view,
                                new TermFile(folders.log()),
                                pusher,
                                proposer,
                                members,
                                leadership,
                                applications),
                        view.nodeId(),
                        settings.electionTimeoutMax(),
                        System.nanoTime());
        division = started;
        running = new Running(started, view, members, proposer, fence, leadership, watchdog);
        applications.attach(proposer);
        proposer.start(e -> applications.failed("the proposer's thread died", e));
        tickAfter(TICK_MS);
        if (!isMember(started)) {
            try (PeerClients configured = peers.clients(tls)) {
                formation(configured).join(() -> isMember(started) || isClosed(started));
            }
        }
        member = true;
        stateMachine.expectNoClose();
        return !isClosed(started);
    }

    private boolean closedWhileJoining() {
        RaftServer.Division joining = division;
        return !member && joining != null && isClosed(joining);
    }

    private static boolean isClosed(RaftServer.Division started) {
        return started.getInfo().getLifeCycleState().isClosingOrClosed();
    }

    /// Ratis wraps what goes wrong while it opens the group's files.
    private void startServer() throws IOException {
        try {
            server.start();
        } catch (CompletionException e) {
            throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
        }
    }

    private void enterGroup() throws IOException, InterruptedException {
        Optional<List<String>> founders;
        if (settings.peers().size() == 1) {
            founders = Optional.of(List.of(identity.raftId()));
        } else {
            try (PeerClients configured = peers.clients(tls)) {
                founders = formation(configured).founders();
            }
        }
        RaftGroup group;
        if (founders.isPresent()) {
            identity.found(founders.get());
            LOG.info("founding the cluster with {}", founders.get());
            group = peers.group(groupId, identity.founders());
        } else {
            group = RaftGroup.valueOf(groupId);
        }
        RaftClientReply reply = await(calls.addGroup(group));
        if (!reply.isSuccess()) {
            throw new IOException("the Raft group can't be made", reply.getException());
        }
    }

    private Formation formation(PeerClients configured) {
        return new Formation(settings, configured, identity.raftId(), () -> stopping);
    }

    private boolean isMember(RaftServer.Division started) {
        return started.getRaftConf().getPeer(started.getId()) != null;
    }

    private static @Nullable String addressOf(RaftServer.Division division, String raftId) {
        RaftPeer peer = division.getRaftConf().getPeer(RaftPeerId.valueOf(raftId));
        return peer == null ? null : peer.getAddress();
    }

    private final class Pauses implements ReadFence.Time {
        @Override
        public long nanos() {
            return System.nanoTime();
        }

        @Override
        public void later(long nanos, Runnable callback) {
            try {
                var _ =
                        ticker.schedule(
                                () -> guarded("what is due after a pause failed", callback),
                                nanos,
                                TimeUnit.NANOSECONDS);
            } catch (RejectedExecutionException e) {
                if (!stopping) {
                    throw e;
                }
                LOG.debug("nothing comes after a pause any more: the node stops", e);
            }
        }
    }

    private void tickAfter(long millis) {
        pauses.later(TimeUnit.MILLISECONDS.toNanos(millis), this::tick);
    }

    private void tick() {
        long now = System.nanoTime();
        Running r = requireRunning();
        boolean waiting = r.fence().tick(now);
        waiting |= r.proposer().tick(now);
        waiting |= gate.expire(now);
        r.peers().tick();
        r.watchdog().tick(now);
        tickAfter(waiting ? TICK_MS : IDLE_TICK_MS);
    }

    private void guarded(String what, Runnable action) {
        try {
            action.run();
        } catch (RuntimeException | Error e) {
            // The division closes under our feet when the node stops, perhaps while it joins, and
            // otherwise by a defect.
            if (!stopping && !closedWhileJoining()) {
                applications.failed(what, e);
            }
        }
    }

    /// Hands leadership to another node.
    ///
    /// @param raftId the identity of the node to lead, as in [#members]
    /// @return whether it leads now; fails with the reason why it can't
    public CompletableFuture<Boolean> transferLeadership(String raftId) {
        return requireRunning().leadership().transfer(raftId);
    }

    RaftServer server() {
        return server;
    }

    /// Whether a Raft log was there when this process started.
    boolean hasLog() {
        return hasLog;
    }

    RaftServer.@Nullable Division division() {
        return division;
    }

    RatisCalls calls() {
        return calls;
    }

    CommitPusher pusher() {
        return pusher;
    }

    @Nullable Proposer proposerOrNull() {
        Running r = running;
        return r == null ? null : r.proposer();
    }

    @Nullable ReadFence fenceOrNull() {
        Running r = running;
        return r == null ? null : r.fence();
    }

    private Running requireRunning() {
        Running r = running;
        if (r == null) {
            throw new IllegalStateException("the node is not running");
        }
        return r;
    }

    public Proposer proposer() {
        return requireRunning().proposer();
    }

    public ReadFence fence() {
        return requireRunning().fence();
    }

    public RaftView view() {
        return requireRunning().view();
    }

    /// The state to read from; ask for each read, since a snapshot from the leader replaces it.
    public StateStore store() {
        return stateMachine.store();
    }

    /// Where the changes of the state can be watched.
    public WatchHub watches() {
        return stateMachine.watches();
    }

    /// The voters of now.
    public List<Member> members() {
        return requireRunning().division().getRaftConf().getCurrentPeers().stream()
                .map(p -> new Member(p.getId().toString(), p.getAddress()))
                .toList();
    }

    /// A voter.
    ///
    /// @param raftId its identity: node id, a tilde and what tells it from former nodes of that id
    /// @param address of its Raft port
    public record Member(String raftId, String address) {
        public String nodeId() {
            return RaftIdentity.nodeOf(raftId);
        }
    }

    /// What is measured here.
    public RaftMetrics metrics() {
        return new RaftMetrics(requireRunning().view(), applications);
    }

    private static <T> T await(CompletableFuture<T> future) throws IOException {
        try {
            return future.join();
        } catch (CompletionException e) {
            throw new IOException(e.getCause());
        }
    }

    /// Stops in the order of the data's way: no new requests, then consensus, then the state.
    @Override
    public void close() throws IOException {
        try {
            shutDown();
        } finally {
            identity.close();
        }
    }

    private void shutDown() throws IOException {
        stopping = true;
        stateMachine.expectClose();
        Running r = running;
        if (r != null) {
            r.fence().stop();
            r.proposer().stop();
        }
        ticker.shutdownNow();
        try {
            server.close();
        } finally {
            if (r != null) {
                r.leadership().close();
                r.peers().close();
            }
            completions.shutdown();
        }
    }
}
