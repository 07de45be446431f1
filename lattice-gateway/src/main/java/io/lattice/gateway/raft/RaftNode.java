package io.lattice.gateway.raft;

import io.lattice.proto.peer.LoadRequest;
import io.lattice.proto.peer.PeerRequest;
import io.lattice.proto.peer.RenewReply;
import io.lattice.proto.peer.RenewRequest;
import io.lattice.statemachine.apply.StateStore;
import io.lattice.statemachine.raft.LatticeStateMachine;
import io.lattice.statemachine.raft.LogExtent;
import io.lattice.statemachine.watch.WatchHub;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.apache.ratis.proto.RaftProtos.RaftPeerRole;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.util.LifeCycle;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// This process' member of one Raft group: its state machine, and what the gateway uses of it and of Ratis. Made, ticked and
/// closed by a [RaftHost].
///
/// The parts it hands out are thread-safe. Whatever must end the process is reported to the host, which doesn't return to
/// normal operation.
public final class RaftNode implements LeaderSpread.Led {
    private static final Logger LOG = LoggerFactory.getLogger(RaftNode.class);

    private final RaftHost.Parts host;
    private final RaftFolders folders;
    private final RaftGroupId groupId;
    private final RatisCalls calls;
    private final LatticeStateMachine stateMachine;
    private final CommitPusher pusher;
    private final AppliedGate gate = new AppliedGate();
    private final Applications applications;
    private final PeerSender members;
    private final MemberServices services;
    private final Opening opening;
    private final Leaving leaving;
    private final Pauses pauses = new Pauses();
    private final boolean hasLog;

    /// Whether the log that there was had entries.
    private final boolean hadEntries;

    private volatile GroupSettings group;
    private volatile boolean stopping;
    private volatile boolean opened;
    private volatile boolean answering;

    /// Whether Ratis has no reason to close the division: this node is a member and is to stay one.
    private volatile boolean member;

    private volatile LeaseRenewer renewer =
            (_, callback) -> callback.accept(LeaseRenewer.UNDECIDED);

    private volatile RaftServer.@Nullable Division division;
    private volatile @Nullable Running running;

    /// What exists only once the division runs.
    private record Running(
            RaftServer.Division division,
            RaftView view,
            Proposer proposer,
            ReadFence fence,
            Leadership leadership,
            Membership membership,
            Watchdog watchdog) {}

    /// Reads and, where a crash left it half written, mends the group's log.
    ///
    /// @throws IOException if a directory can't be used
    RaftNode(RaftHost.Parts host, GroupSettings group) throws IOException {
        this.host = host;
        this.group = group;
        this.folders = new RaftFolders(host.settings().walDirectory(), group.id());
        folders.discardHalfMade();
        LogExtent log = LogRepair.run(folders.log());
        this.groupId = RaftGroupId.valueOf(group.id());
        this.pusher = new CommitPusher(pauses);
        this.applications = new Applications(gate, host.fatal());
        this.stateMachine =
                new LatticeStateMachine(
                        group.storeDirectory(host.settings().dataDirectory()),
                        host.storeOptions().get(),
                        host.snapshotThresholdEntries(),
                        log,
                        applications);
        this.hasLog = folders.hasLog();
        this.hadEntries = !log.isEmpty();
        this.members = new GroupSender(groupId, host.members());
        this.services = new MemberServices(this, host.settings(), host.identity(), host.load());
        this.calls = new RatisCalls(host.server(), groupId);
        this.opening = new Opening(host, groupId, this::group, calls, () -> stopping);
        this.leaving = new Leaving(host, folders, members);
    }

    /// Opens the group and, on the first start, founds or joins it. Returns when this node is a member; it may not have a leader
    /// yet.
    ///
    /// A node that joins has a log in which it isn't a member until the entry that makes it one arrives. If its leader is silent
    /// for an election timeout before that, Ratis would have it elected, sees that it is no member, and closes the group as
    /// if it had been removed.
    ///
    /// A node that was taken out of the group while it was away doesn't know it from its log: the others would elect no one with it,
    /// and Ratis would close the group. So it asks first, and begins anew if a leader says that it is out for good.
    ///
    /// Ratis makes a member a listener only while it opens the group: one that has joined as a listener would stand for election, and find
    /// that it has no vote.
    ///
    /// @return false if this node was no member, if Ratis closed the group before it was one, or if it has just become a listener: the
    ///     group has to be opened anew
    boolean open() throws IOException, InterruptedException {
        if (hadEntries && opening.isGone()) {
            LOG.info(
                    "this node was taken out of group {}: what it had is in {}",
                    group.name(),
                    putAside());
            return false;
        }
        stateMachine.expectClose();
        return run();
    }

    /// Returns whether this node is a member and its group open.
    private boolean run() throws IOException, InterruptedException {
        opening.enter(hasLog);
        opened = true;
        host.identity().noteLogMade(group.id());
        answering = true;
        RaftServer.Division started = host.server().getDivision(groupId);
        gate.advance(stateMachine.getLastAppliedTermIndex().getIndex());
        Running parts = parts(started);
        synchronized (this) {
            requireNotStopping();
            division = started;
            running = parts;
            applications.attach(parts.proposer());
            parts.proposer().start(e -> applications.failed("the proposer's thread died", e));
        }
        if (!isMember(parts.view())) {
            opening.join(() -> isMember(parts.view()) || isClosed(started));
        }
        synchronized (this) {
            requireNotStopping();
            if (isClosed(started)) {
                LOG.warn("Ratis closed group {} while this node was joining it", group.name());
                return false;
            }
            if (parts.view().isListener() && !parts.view().hasListenersRole()) {
                LOG.info("this node is a listener of group {} now", group.name());
                return false;
            }
            member = true;
            stateMachine.expectNoClose();
        }
        return !isClosed(started);
    }

    private Running parts(RaftServer.Division started) {
        RaftSettings settings = host.settings();
        RaftView view = new RaftView(started, settings.electionTimeoutMax());
        Proposer proposer =
                new Proposer(
                        view,
                        members,
                        calls,
                        pusher,
                        settings,
                        host.completions(),
                        new SecureRandom().nextLong());
        ReadFence fence = new ReadFence(view, members, gate, pauses);
        Leadership leadership =
                new Leadership(
                        calls, view, pusher::followers, settings.electionTimeoutMax().toMillis());
        Membership membership = new Membership(started, calls, view, fence, leadership);
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
        return new Running(started, view, proposer, fence, leadership, membership, watchdog);
    }

    /// Whether this node is a member for good. A listener's membership has to be committed: the group is opened anew then, and a leader that
    /// never heard of it would send nothing to it.
    private static boolean isMember(RaftView view) {
        return view.isVoter() || view.hasListenersRole() || view.isCommittedListener();
    }

    /// What stops closes the group, and expects that.
    private void requireNotStopping() throws InterruptedException {
        if (stopping) {
            throw new InterruptedException("stopping");
        }
    }

    /// Whether Ratis has closed the group, so that all that it has is on disk, or never had it.
    boolean isFullyClosed() {
        RaftServer.Division d = division;
        return d == null
                ? !opening.wasGiven()
                : d.getInfo().getLifeCycleState() == LifeCycle.State.CLOSED;
    }

    private boolean closedAsNoMember() {
        RaftServer.Division started = division;
        return !member && started != null && isClosed(started);
    }

    private static boolean isClosed(RaftServer.Division started) {
        return started.getInfo().getLifeCycleState().isClosingOrClosed();
    }

    /// The Raft address of a member, null if there is no such member.
    @Nullable String addressOf(String raftId) {
        RaftServer.Division d = division;
        RaftPeer peer =
                d == null
                        ? null
                        : d.getRaftConf()
                                .getPeer(
                                        RaftPeerId.valueOf(raftId),
                                        RaftPeerRole.FOLLOWER,
                                        RaftPeerRole.LISTENER);
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
                        host.ticker()
                                .schedule(
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

    /// Looks for what has waited too long, and returns whether something waits.
    boolean tick(long now) {
        Running r = running;
        if (r == null || stopping) {
            return false;
        }
        boolean[] waiting = {false};
        guarded(
                "a look at what waits failed",
                () -> {
                    waiting[0] = r.fence().tick(now);
                    waiting[0] |= r.proposer().tick(now);
                    waiting[0] |= gate.expire(now);
                    r.watchdog().tick(now);
                });
        return waiting[0];
    }

    private void guarded(String what, Runnable action) {
        try {
            action.run();
        } catch (RuntimeException | Error e) {
            // The division closes under our feet when the node stops, perhaps while it joins or
            // leaves, and otherwise by a defect.
            if (!stopping && !closedAsNoMember()) {
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

    /// Whether this node leads the group.
    boolean leads() {
        Running r = running;
        return r != null && !stopping && r.view().isReadyLeader();
    }

    /// Whether this node has lately given up the group's leadership because it couldn't do its work.
    boolean wasRelieved() {
        Running r = running;
        return r != null && r.leadership().wasRelieved();
    }

    /// Hands over leadership before this node stops; never fails.
    CompletableFuture<Boolean> handOver() {
        Running r = running;
        return r == null ? CompletableFuture.completedFuture(true) : r.leadership().leave();
    }

    @Override
    public Collection<String> candidates() {
        Running r = requireRunning();
        Set<String> others = r.leadership().keepUp();
        others.remove(r.view().nodeId());
        // One that is to go would hand it back.
        List<String> wanted = group.voters();
        others.removeIf(raftId -> !wanted.contains(RaftIdentity.nodeOf(raftId)));
        return others;
    }

    @Override
    public void askLoad(String raftId, Consumer<OptionalInt> callback) {
        members.send(
                raftId,
                PeerRequest.newBuilder().setLoad(LoadRequest.getDefaultInstance()),
                reply ->
                        callback.accept(
                                reply != null && reply.getLoad().getWilling()
                                        ? OptionalInt.of(reply.getLoad().getLeaderships())
                                        : OptionalInt.empty()));
    }

    @Override
    public CompletableFuture<Boolean> moveTo(String raftId) {
        return requireRunning().leadership().moveTo(raftId);
    }

    /// Has leases renewed that other nodes ask for.
    public void renewBy(LeaseRenewer leaseRenewer) {
        renewer = leaseRenewer;
    }

    LeaseRenewer renewer() {
        return renewer;
    }

    /// Asks the leader to renew leases, with those that other nodes ask for.
    ///
    /// @param callback runs once, on any thread
    public void askToRenew(RenewRequest request, Consumer<RenewReply> callback) {
        RaftView view = requireRunning().view();
        String leader = view.leader();
        // This node may lead without being ready.
        if (leader == null || leader.equals(view.nodeId())) {
            callback.accept(LeaseRenewer.UNDECIDED);
            return;
        }
        members.send(
                leader,
                PeerRequest.newBuilder().setRenew(request),
                reply ->
                        callback.accept(
                                reply != null && reply.hasRenew()
                                        ? reply.getRenew()
                                        : LeaseRenewer.UNDECIDED));
    }

    /// If this node leads, takes a member out that isn't wanted in its role; a voter only when all that are wanted keep up.
    ///
    /// @param voters node ids
    /// @param listeners node ids
    public void dropOthers(Collection<String> voters, Collection<String> listeners) {
        requireRunning().membership().dropOthers(voters, listeners);
    }

    /// From now on this node may be taken out of the group, and Ratis may close it.
    public synchronized void beginLeaving() {
        member = false;
        stateMachine.expectClose();
    }

    /// Asks the voters whether this node is out of the group for good. Only a leader that proves to be one says so.
    ///
    /// @param wanted whether this node wants to be
    /// @param gone called if so, on any thread, perhaps more than once
    public void askWhetherGone(boolean wanted, Runnable gone) {
        leaving.ask(requireRunning().view().voters().current(), wanted, gone);
    }

    /// Puts what this node has of the group aside. It must be closed.
    List<Path> putAside() throws IOException {
        return leaving.putAside(group);
    }

    /// The group as this node is to have it.
    public GroupSettings group() {
        return group;
    }

    /// The voters with which this node would found the group now; none if it wouldn't, or has it.
    List<String> foundingVoters() {
        return opening.foundingVoters();
    }

    /// Goes by other settings from now on, for who may join.
    void configure(GroupSettings changed) {
        group = changed;
    }

    /// Whether Ratis has the group and its log is known of on disk, so that others may ask for votes.
    boolean isOpen() {
        return answering;
    }

    LatticeStateMachine stateMachine() {
        return stateMachine;
    }

    MemberServices services() {
        return services;
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

    @Nullable Membership membershipOrNull() {
        Running r = running;
        return r == null ? null : r.membership();
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

    /// The members of now, voters first.
    public List<Member> members() {
        Members members = Members.of(requireRunning().division().getRaftConf());
        return Stream.of(false, true)
                .flatMap(listener ->
                        members.in(listener).stream()
                                .map(p ->
                                        new Member(p.getId().toString(), p.getAddress(), listener)))
                .toList();
    }

    /// A member.
    ///
    /// @param raftId its identity: node id, a tilde and what tells it from former nodes of that id
    /// @param address of its Raft port
    /// @param listener whether it has the data and doesn't vote
    public record Member(String raftId, String address, boolean listener) {
        public String nodeId() {
            return nodeOf(raftId);
        }

        /// The node id in an identity.
        public static String nodeOf(String raftId) {
            return RaftIdentity.nodeOf(raftId);
        }
    }

    /// What is measured here.
    public RaftMetrics metrics() {
        return new RaftMetrics(requireRunning().view(), applications);
    }

    /// Takes no new requests, before consensus stops.
    synchronized void beginStop() {
        stopping = true;
        answering = false;
        stateMachine.expectClose();
        Running r = running;
        if (r != null) {
            r.fence().stop();
            r.proposer().stop();
        }
    }

    /// Ends what is left when consensus has stopped.
    void endStop() {
        Running r = running;
        if (r != null) {
            r.leadership().close();
        }
    }

    /// Closes this group alone; its files stay as they are.
    void close() throws IOException {
        beginStop();
        if (!opened) {
            return;
        }
        try {
            calls.removeGroup();
        } finally {
            endStop();
        }
    }
}
