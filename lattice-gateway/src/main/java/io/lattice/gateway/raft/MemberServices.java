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
import java.util.UUID;
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
    private final RaftIdentity identity;

    MemberServices(RaftNode node, RaftSettings settings, RaftIdentity identity) {
        this.node = node;
        this.settings = settings;
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
        return probe(settings, identity, node.group().id(), node.group().voters());
    }

    /// What a node says of its log in a group.
    ///
    /// @param voters as it is configured; none if it doesn't have the group
    static ProbeReply probe(
            RaftSettings settings, RaftIdentity identity, UUID group, List<String> voters) {
        List<String> founders = identity.founders(group);
        // A log without founders was joined, and a group that is being founded has written its
        // founders before.
        return ProbeReply.newBuilder()
                .setRaftId(identity.raftId())
                .setClusterId(settings.clusterId().toString())
                .setFormed(!founders.isEmpty() || identity.logMade(group))
                .addAllFounders(founders)
                .addAllVoters(voters)
                .build();
    }

    @Override
    public JoinReply join(String raftId) {
        RaftServer.Division division = node.division();
        if (division == null || !division.getInfo().isLeaderReady()) {
            return refused("not the leader");
        }
        String nodeId = RaftIdentity.nodeOf(raftId);
        Optional<GroupSettings.PeerAddress> address =
                new ConfiguredPeers(node.group().peers()).address(nodeId);
        if (address.isEmpty()) {
            return refused(
                    "%s is not among the voters of group %s: %s"
                            .formatted(nodeId, node.group().name(), node.group().voters()));
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
        LOG.info(
                "{} asks to join group {}: changing the members from {} to {}",
                raftId,
                node.group().name(),
                current,
                changed);
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
