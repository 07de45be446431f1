package io.lattice.gateway.raft;

import io.lattice.gateway.raft.ForwardedQueue.Forwarded;
import io.lattice.proto.peer.ForwardReply;
import io.lattice.proto.peer.ForwardRequest;
import io.lattice.proto.peer.JoinReply;
import io.lattice.proto.peer.JoinRequest;
import io.lattice.proto.peer.LeaveReply;
import io.lattice.proto.peer.LeaveRequest;
import io.lattice.proto.peer.LoadReply;
import io.lattice.proto.peer.ProbeReply;
import io.lattice.proto.peer.RenewReply;
import io.lattice.proto.peer.RenewRequest;
import java.util.List;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.ratis.server.RaftServer;

/// What this node answers to the others. Requests may come before the division runs.
final class MemberServices implements PeerServer.Handler {
    private final RaftNode node;
    private final RaftSettings settings;
    private final RaftIdentity identity;
    private final Supplier<LoadReply> load;

    /// @param load how much this process leads
    MemberServices(
            RaftNode node, RaftSettings settings, RaftIdentity identity, Supplier<LoadReply> load) {
        this.node = node;
        this.settings = settings;
        this.identity = identity;
        this.load = load;
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
    public void forward(ForwardRequest request, Consumer<ForwardReply> callback) {
        Proposer proposer = node.proposerOrNull();
        if (proposer == null) {
            callback.accept(Forwarded.reply(ForwardReply.Result.NOT_APPENDED));
            return;
        }
        proposer.forward(request, callback);
    }

    @Override
    public ProbeReply probe() {
        return probe(settings, identity, node.group().id(), node.foundingVoters());
    }

    /// What a node says of its log in a group.
    ///
    /// @param voters with which it would found the group; none if it wouldn't, or doesn't have the group
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
    public JoinReply join(JoinRequest request) {
        Membership membership = node.membershipOrNull();
        return membership == null
                ? Membership.refused("not the leader")
                : membership.join(request, node.group());
    }

    @Override
    public void leave(LeaveRequest request, Consumer<LeaveReply> callback) {
        Membership membership = node.membershipOrNull();
        if (membership == null) {
            callback.accept(LeaveReply.getDefaultInstance());
        } else {
            membership.confirmGone(request, settings.requestTimeout(), callback);
        }
    }

    @Override
    public void renew(RenewRequest request, Consumer<RenewReply> callback) {
        node.renewer().renew(request, callback);
    }

    @Override
    public LoadReply load() {
        return node.isOpen() ? load.get() : LoadReply.getDefaultInstance();
    }
}
