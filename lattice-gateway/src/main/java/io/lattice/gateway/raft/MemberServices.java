package io.lattice.gateway.raft;

import io.lattice.proto.peer.ForwardReply;
import io.lattice.proto.peer.ForwardRequest;
import io.lattice.proto.peer.JoinReply;
import io.lattice.proto.peer.ProbeReply;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.server.RaftServer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What this node answers to the others. Requests may come before the division runs.
final class MemberServices implements PeerServer.Handler {
    private static final Logger LOG = LoggerFactory.getLogger(MemberServices.class);

    private final RaftNode node;
    private final RaftSettings settings;
    private final ConfiguredPeers peers;
    private final RaftIdentity identity;

    MemberServices(
            RaftNode node, RaftSettings settings, ConfiguredPeers peers, RaftIdentity identity) {
        this.node = node;
        this.settings = settings;
        this.peers = peers;
        this.identity = identity;
    }

    @Override
    public long term(String raftId) {
        RaftServer.Division division = node.division();
        return division == null || !raftId.equals(identity.raftId())
                ? 0
                : division.getInfo().getCurrentTerm();
    }

    @Override
    public void readIndex(Consumer<OptionalLong> callback) {
        ReadFence fence = node.fenceOrNull();
        if (fence == null) {
            callback.accept(OptionalLong.empty());
            return;
        }
        // It will wait until it has applied what is committed.
        node.pusher().pushDue();
        fence.confirmLeadership(System.nanoTime() + settings.requestTimeout().toNanos(), callback);
    }

    @Override
    public void forward(ForwardRequest request, Consumer<ForwardReply.Result> callback) {
        Proposer proposer = node.proposerOrNull();
        if (proposer == null) {
            callback.accept(ForwardReply.Result.NOT_APPENDED);
            return;
        }
        proposer.forward(request.getProposal(), request.getRaftId(), callback);
    }

    @Override
    public ProbeReply probe() {
        // A log without founders was joined, and a group that is being founded has written its
        // founders before.
        boolean formed = !identity.founders().isEmpty() || node.division() != null;
        return ProbeReply.newBuilder()
                .setRaftId(identity.raftId())
                .setGroupId(settings.groupId().toString())
                .setFormed(formed)
                .addAllFounders(identity.founders())
                .build();
    }

    @Override
    public JoinReply join(String raftId) {
        RaftServer.Division division = node.division();
        if (division == null || !division.getInfo().isLeaderReady()) {
            return refused("not the leader");
        }
        String nodeId = RaftIdentity.nodeOf(raftId);
        Optional<RaftSettings.PeerAddress> address = peers.address(nodeId);
        if (address.isEmpty()) {
            return refused(nodeId + " is not among the configured peers");
        }
        List<RaftPeer> current = List.copyOf(division.getRaftConf().getCurrentPeers());
        if (current.stream().anyMatch(p -> p.getId().toString().equals(raftId))) {
            return JoinReply.newBuilder().setAccepted(true).build();
        }
        if (!division.getRaftConf().getPreviousPeers().isEmpty()) {
            return refused("another membership change is under way");
        }
        List<RaftPeer> changed = new ArrayList<>();
        for (RaftPeer peer : current) {
            if (!RaftIdentity.nodeOf(peer.getId().toString()).equals(nodeId)) {
                changed.add(peer);
            }
        }
        changed.add(ConfiguredPeers.peer(raftId, address.get()));
        LOG.info("{} asks to join: changing the members from {} to {}", raftId, current, changed);
        try {
            var _ =
                    node.calls()
                            .changeMembers(current, changed)
                            .whenComplete((reply, e) -> LOG.info("{} joins: {}", raftId, reply, e));
        } catch (IOException e) {
            LOG.warn("the members can't be changed for {}", raftId, e);
            return refused(String.valueOf(e.getMessage()));
        }
        return JoinReply.newBuilder().setAccepted(true).build();
    }

    private static JoinReply refused(String reason) {
        return JoinReply.newBuilder().setAccepted(false).setReason(reason).build();
    }
}
