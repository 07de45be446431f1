package io.lattice.gateway.raft;

import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import io.lattice.proto.peer.JoinReply;
import io.lattice.proto.peer.JoinRequest;
import io.lattice.proto.peer.LeaveReply;
import io.lattice.proto.peer.LeaveRequest;
import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.server.RaftConfiguration;
import org.apache.ratis.server.RaftServer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Changes who the members of a group are, as its leader: one at a time, and only from the members that it knows. Thread-safe.
///
/// No member changes its role: Ratis would be left without a leader if the one that does it failed meanwhile. It is taken out, and
/// joins anew in the other role.
final class Membership {
    private static final Logger LOG = LoggerFactory.getLogger(Membership.class);

    /// A member that asked whether it is out, so long ago at most, is leaving.
    private static final long ASKED_NANOS = TimeUnit.SECONDS.toNanos(10);

    /// A member that was silent for so long is taken for dead. One that only slept is told when it opens the group again.
    private static final long DEAD_MS = TimeUnit.SECONDS.toMillis(15);

    /// A hand-over that failed kept writers waiting, so it isn't tried again at once.
    private static final long FAILED_NANOS = TimeUnit.MINUTES.toNanos(1);

    private final RaftServer.Division division;
    private final RatisCalls calls;
    private final RaftView view;
    private final ReadFence fence;
    private final Leadership leadership;

    /// When members last asked whether they are out.
    private final Map<String, Long> asked = new ConcurrentHashMap<>();

    /// What the members are to be by changes that were begun, one as often as it was.
    private final Map<Object, Members> underWay = new ConcurrentHashMap<>();

    private volatile @Nullable Long failedNanos;

    Membership(
            RaftServer.Division division,
            RatisCalls calls,
            RaftView view,
            ReadFence fence,
            Leadership leadership) {
        this.division = division;
        this.calls = calls;
        this.view = view;
        this.fence = fence;
        this.leadership = leadership;
    }

    /// Makes a node with a new identity a member, in the place of the former identity of that node if there is one in the same role. A
    /// member in the other role leaves first.
    JoinReply join(JoinRequest request, GroupSettings group) {
        if (!view.isReadyLeader()) {
            return refused("not the leader");
        }
        String raftId = request.getRaftId();
        boolean listener = request.getListener();
        String nodeId = RaftIdentity.nodeOf(raftId);
        Optional<PeerAddress> address =
                new ConfiguredPeers(listener ? group.listeners() : group.peers()).address(nodeId);
        if (address.isEmpty()) {
            return refused(
                    "%s is not among the %s of group %s: %s"
                            .formatted(
                                    nodeId,
                                    listener ? "listeners" : "voters",
                                    group.name(),
                                    group.nodeIds(listener)));
        }
        RaftConfiguration configuration = division.getRaftConf();
        if (!Members.areSettled(configuration)) {
            return refused("another membership change is under way");
        }
        Members current = Members.of(configuration);
        if (current.in(listener).stream().anyMatch(p -> p.getId().toString().equals(raftId))) {
            return JoinReply.newBuilder().setAccepted(true).build();
        }
        if (current.in(!listener).stream().anyMatch(p -> Members.nodeOf(p).equals(nodeId))) {
            return refused(
                    "%s still is a %s of group %s"
                            .formatted(nodeId, listener ? "voter" : "listener", group.name()));
        }
        LOG.info(
                "{} asks to join group {}{}",
                raftId,
                group.name(),
                listener ? " as a listener" : "");
        Optional<String> failure =
                change(
                        current,
                        current.with(ConfiguredPeers.peer(raftId, address.get()), listener));
        return failure.isEmpty()
                ? JoinReply.newBuilder().setAccepted(true).build()
                : refused(failure.get());
    }

    static JoinReply refused(String reason) {
        return JoinReply.newBuilder().setAccepted(false).setReason(reason).build();
    }

    /// Begins a change, unless another one is quicker; or says why it can't.
    private Optional<String> change(Members current, Members changed) {
        LOG.info("changing the members from {} to {}", current, changed);
        Object change = new Object();
        underWay.put(change, changed);
        boolean begun = false;
        try {
            var _ =
                    calls.changeMembers(current, changed)
                            .whenComplete((reply, e) -> {
                                underWay.remove(change);
                                LOG.info("the members are {}: {}", changed, reply, e);
                            });
            begun = true;
            return Optional.empty();
        } catch (IOException e) {
            LOG.warn("the members can't be changed to {}", changed, e);
            return Optional.of(String.valueOf(e.getMessage()));
        } finally {
            if (!begun) {
                underWay.remove(change);
            }
        }
    }

    /// If this node leads, takes one member out that isn't wanted in its role and either knows it or is dead: one that serves would
    /// find itself outside of its group. A voter only if all wanted nodes are voters and keep up. If this node isn't wanted and another one
    /// is, that one is to lead first.
    ///
    /// @param voters node ids
    /// @param listeners node ids
    void dropOthers(Collection<String> voters, Collection<String> listeners) {
        RaftConfiguration configuration = division.getRaftConf();
        if (!view.isReadyLeader() || !Members.areSettled(configuration)) {
            return;
        }
        Members current = Members.of(configuration);
        Optional<RaftPeer> listener = leavingOrDead(current.listeners(), listeners);
        if (listener.isPresent()) {
            drop(current, listener.get(), listeners);
            return;
        }
        List<String> staying =
                current.voters().stream()
                        .filter(p -> voters.contains(Members.nodeOf(p)))
                        .map(p -> p.getId().toString())
                        .toList();
        Set<String> keepUp = leadership.keepUp();
        if (!voters.contains(RaftIdentity.nodeOf(view.nodeId()))) {
            // Before anything else: those who stay know better than this node who may join.
            Optional<String> successor = leadership.successor(staying::contains);
            if (successor.isPresent()
                    && keepUp.contains(successor.get())
                    && leadElsewhere(successor.get())) {
                return;
            }
        }
        // Fewer voters that don't all keep up might be none that can commit.
        if (staying.size() < current.voters().size()
                && staying.size() >= voters.size()
                && keepUp.containsAll(staying)) {
            leavingOrDead(current.voters(), voters)
                    .ifPresent(voter -> drop(current, voter, voters));
        }
    }

    private Optional<RaftPeer> leavingOrDead(List<RaftPeer> members, Collection<String> wanted) {
        return members.stream()
                .filter(p -> !wanted.contains(Members.nodeOf(p)))
                .filter(p -> isLeavingOrDead(p.getId().toString()))
                .findFirst();
    }

    private void drop(Members current, RaftPeer member, Collection<String> wanted) {
        LOG.info("{} has no place among {} any more", member, wanted);
        var _ = change(current, current.without(member));
    }

    private boolean isLeavingOrDead(String raftId) {
        if (raftId.equals(view.nodeId())) {
            return false;
        }
        Long at = asked.get(raftId);
        return (at != null && System.nanoTime() - at < ASKED_NANOS)
                || leadership.silentMs(raftId) >= DEAD_MS;
    }

    /// Begins to, unless that has just failed.
    private boolean leadElsewhere(String successor) {
        long now = System.nanoTime();
        Long failed = failedNanos;
        if (failed != null && now - failed < FAILED_NANOS) {
            return false;
        }
        LOG.info("this node has no place among the voters any more: {} is to lead", successor);
        var _ =
                leadership
                        .moveTo(successor)
                        .thenAccept(done -> failedNanos = done ? null : Long.valueOf(now));
        return true;
    }

    /// Answers whether this node surely leads, and a majority has on disk that the asking node is no member. One that is about to be one
    /// isn't told so: it would put aside what it has fetched.
    void confirmGone(LeaveRequest request, Duration patience, Consumer<LeaveReply> callback) {
        String raftId = request.getRaftId();
        Set<String> current = Members.of(division.getRaftConf()).raftIds();
        asked.keySet().retainAll(current);
        if (request.getLeaving() && current.contains(raftId)) {
            asked.put(raftId, System.nanoTime());
        }
        fence.confirmLeadership(
                System.nanoTime() + patience.toNanos(),
                confirmed -> {
                    RaftConfiguration members = division.getRaftConf();
                    boolean gone =
                            confirmed.isPresent()
                                    && view.isReadyLeader()
                                    && view.isInForce(members)
                                    && !Members.of(members).raftIds().contains(raftId)
                                    && underWay.values().stream()
                                            .noneMatch(m -> m.raftIds().contains(raftId));
                    callback.accept(LeaveReply.newBuilder().setGone(gone).build());
                });
    }
}
