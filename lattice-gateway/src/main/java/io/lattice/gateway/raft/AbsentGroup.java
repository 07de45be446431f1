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
import org.jspecify.annotations.Nullable;

/// What a node answers for a group that it isn't in, or not yet.
///
/// @param group null if none was named
record AbsentGroup(RaftSettings settings, RaftIdentity identity, @Nullable UUID group)
        implements PeerServer.Handler {
    @Override
    public long term(String raftId) {
        return 0;
    }

    @Override
    public void readIndex(Consumer<OptionalLong> callback) {
        callback.accept(OptionalLong.empty());
    }

    @Override
    public void forward(ForwardRequest request, Consumer<ForwardReply> callback) {
        callback.accept(Forwarded.reply(ForwardReply.Result.NOT_APPENDED));
    }

    @Override
    public ProbeReply probe() {
        return group == null
                ? ProbeReply.getDefaultInstance()
                : MemberServices.probe(settings, identity, group, List.of());
    }

    @Override
    public JoinReply join(JoinRequest request) {
        return JoinReply.newBuilder()
                .setAccepted(false)
                .setReason("this node isn't in the group")
                .build();
    }

    @Override
    public void leave(LeaveRequest request, Consumer<LeaveReply> callback) {
        callback.accept(LeaveReply.getDefaultInstance());
    }

    @Override
    public LoadReply load() {
        return LoadReply.getDefaultInstance();
    }

    @Override
    public void renew(RenewRequest request, Consumer<RenewReply> callback) {
        callback.accept(LeaseRenewer.UNDECIDED);
    }
}
