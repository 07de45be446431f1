package io.lattice.gateway.raft;

import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import io.lattice.proto.peer.JoinReply;
import io.lattice.proto.peer.LeaveReply;
import io.lattice.proto.peer.LeaveRequest;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.server.RaftConfiguration;
import org.apache.ratis.server.RaftServer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Changes who the voters of a group are, as its leader: one at a time, and only from the voters that it knows. Thread-safe.
final class Membership {
    private static final Logger LOG = LoggerFactory.getLogger(Membership.class);

    /// A voter that asked whether it is out, so long ago at most, is leaving.
    private static final long ASKED_NANOS = TimeUnit.SECONDS.toNanos(10);

    /// A voter that was silent for so long is taken for dead. One that only slept is told when it opens the group again.
    private static final long DEAD_MS = TimeUnit.SECONDS.toMillis(15);

    /// A hand-over that failed kept writers waiting, so it isn't tried again at once.
    private static final long FAILED_NANOS = TimeUnit.MINUTES.toNanos(1);

    private final RaftServer.Division division;
    private final RatisCalls calls;
    private final RaftView view;
    private final ReadFence fence;
    private final Leadership leadership;

    /// When voters last asked whether they are out.
    private final Map<String, Long> asked = new ConcurrentHashMap<>();

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

    /// Makes a node with a new identity a voter, in the place of the former identity of that node if there is one.
    JoinReply join(String raftId, GroupSettings group) {
        if (!view.isReadyLeader()) {
            return refused("not the leader");
        }
        String nodeId = RaftIdentity.nodeOf(raftId);
        Optional<PeerAddress> address = new ConfiguredPeers(group.peers()).address(nodeId);
        if (address.isEmpty()) {
            return refused(
                    "%s is not among the voters of group %s: %s"
                            .formatted(nodeId, group.name(), group.voters()));
        }
        RaftConfiguration members = division.getRaftConf();
        if (!members.getPreviousPeers().isEmpty()) {
            return refused("another membership change is under way");
        }
        List<RaftPeer> current = List.copyOf(members.getCurrentPeers());
        if (current.stream().anyMatch(p -> p.getId().toString().equals(raftId))) {
            return JoinReply.newBuilder().setAccepted(true).build();
        }
        List<RaftPeer> changed = new ArrayList<>();
        for (RaftPeer peer : current) {
            if (!nodeOf(peer).equals(nodeId)) {
                changed.add(peer);
            }
        }
        changed.add(ConfiguredPeers.peer(raftId, address.get()));
        LOG.info("{} asks to join group {}", raftId, group.name());
        Optional<String> failure = change(current, changed);
        return failure.isEmpty()
                ? JoinReply.newBuilder().setAccepted(true).build()
                : refused(failure.get());
    }

    static JoinReply refused(String reason) {
        return JoinReply.newBuilder().setAccepted(false).setReason(reason).build();
    }

    private static String nodeOf(RaftPeer peer) {
        return RaftIdentity.nodeOf(peer.getId().toString());
    }

    /// Begins a change, unless another one is quicker; or says why it can't.
    private Optional<String> change(List<RaftPeer> current, List<RaftPeer> changed) {
        LOG.info("changing the members from {} to {}", current, changed);
        try {
            var _ =
                    calls.changeMembers(current, changed)
                            .whenComplete((reply, e) ->
                                    LOG.info("the members are {}: {}", changed, reply, e));
            return Optional.empty();
        } catch (IOException e) {
            LOG.warn("the members can't be changed to {}", changed, e);
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    /// If this node leads, and all wanted nodes are voters and keep up, takes one voter out that isn't wanted and either knows it or
    /// is dead: one that serves would find itself outside of its group. If this node isn't wanted, another one is to lead first.
    ///
    /// @param wanted node ids
    void dropOthers(Collection<String> wanted) {
        RaftConfiguration members = division.getRaftConf();
        if (!view.isReadyLeader() || !members.getPreviousPeers().isEmpty()) {
            return;
        }
        List<RaftPeer> current = List.copyOf(members.getCurrentPeers());
        List<String> staying = new ArrayList<>();
        List<RaftPeer> others = new ArrayList<>();
        for (RaftPeer peer : current) {
            if (wanted.contains(nodeOf(peer))) {
                staying.add(peer.getId().toString());
            } else {
                others.add(peer);
            }
        }
        // Fewer voters that don't all keep up might be none that can commit.
        if (others.isEmpty()
                || staying.size() < wanted.size()
                || !leadership.keepUp().containsAll(staying)) {
            return;
        }
        Optional<RaftPeer> drop =
                others.stream().filter(p -> isLeavingOrDead(p.getId().toString())).findFirst();
        if (drop.isPresent()) {
            LOG.info("{} has no place among {} any more", drop.get(), wanted);
            List<RaftPeer> changed = new ArrayList<>(current);
            changed.remove(drop.get());
            var _ = change(current, changed);
        } else if (!wanted.contains(RaftIdentity.nodeOf(view.nodeId()))) {
            leadElsewhere(staying);
        }
    }

    private boolean isLeavingOrDead(String raftId) {
        if (raftId.equals(view.nodeId())) {
            return false;
        }
        Long at = asked.get(raftId);
        return (at != null && System.nanoTime() - at < ASKED_NANOS)
                || leadership.silentMs(raftId) >= DEAD_MS;
    }

    private void leadElsewhere(List<String> staying) {
        long now = System.nanoTime();
        Long failed = failedNanos;
        if (failed != null && now - failed < FAILED_NANOS) {
            return;
        }
        LOG.info("this node has no place among the voters any more: one of {} is to lead", staying);
        var _ =
                leadership
                        .moveTo(staying.getFirst())
                        .thenAccept(done -> failedNanos = done ? null : Long.valueOf(now));
    }

    /// Answers whether this node surely leads, and a majority has on disk that the asking node is no member.
    void confirmGone(LeaveRequest request, Duration patience, Consumer<LeaveReply> callback) {
        String raftId = request.getRaftId();
        asked.keySet().retainAll(view.voters().current());
        if (request.getLeaving() && view.voters().contains(raftId)) {
            asked.put(raftId, System.nanoTime());
        }
        fence.confirmLeadership(
                System.nanoTime() + patience.toNanos(),
                confirmed -> {
                    RaftConfiguration members = division.getRaftConf();
                    boolean gone =
                            confirmed.isPresent()
                                    && view.isReadyLeader()
                                    && members.getPreviousPeers().isEmpty()
                                    && members.getLogEntryIndex() <= view.committedIndex()
                                    && members.getCurrentPeers().stream()
                                            .noneMatch(p -> p.getId().toString().equals(raftId));
                    callback.accept(LeaveReply.newBuilder().setGone(gone).build());
                });
    }
}
