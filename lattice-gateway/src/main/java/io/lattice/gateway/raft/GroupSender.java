package io.lattice.gateway.raft;

import com.google.protobuf.ByteString;
import io.lattice.proto.peer.PeerReply;
import io.lattice.proto.peer.PeerRequest;
import java.util.function.Consumer;
import org.apache.ratis.protocol.RaftGroupId;
import org.jspecify.annotations.Nullable;

/// Asks the members of one group.
record GroupSender(ByteString group, PeerSender sender) implements PeerSender {
    GroupSender(RaftGroupId group, PeerSender sender) {
        this(ByteString.copyFrom(group.toByteString().toByteArray()), sender);
    }

    @Override
    public void send(
            String node, PeerRequest.Builder request, Consumer<@Nullable PeerReply> callback) {
        sender.send(node, request.setGroupId(group), callback);
    }
}
