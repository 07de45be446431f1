package io.lattice.gateway.raft;

import io.lattice.gateway.raft.RaftSettings.PeerAddress;
import java.util.List;
import java.util.Optional;
import org.apache.ratis.grpc.GrpcTlsConfig;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.jspecify.annotations.Nullable;

/// The nodes that the configuration or the manifest names, this one included, by their node ids.
record ConfiguredPeers(List<PeerAddress> peers) {
    Optional<PeerAddress> address(String nodeId) {
        return peers.stream().filter(p -> p.nodeId().equals(nodeId)).findFirst();
    }

    /// A Raft peer of that identity at an address.
    static RaftPeer peer(String raftId, PeerAddress address) {
        return RaftPeer.newBuilder()
                .setId(raftId)
                .setAddress(address.host() + ":" + address.port())
                .build();
    }

    /// The members that a log begins with. What the log says of later ones takes precedence.
    ///
    /// @throws IllegalStateException if a founder isn't configured any more
    RaftGroup group(RaftGroupId id, List<String> founders) {
        return RaftGroup.valueOf(id, founders.stream().map(this::founder).toList());
    }

    private RaftPeer founder(String raftId) {
        PeerAddress address =
                address(RaftIdentity.nodeOf(raftId))
                        .orElseThrow(() ->
                                new IllegalStateException(
                                        raftId + " is not among the configured peers"));
        return peer(raftId, address);
    }

    /// Connections to them, by node id.
    PeerClients clients(@Nullable GrpcTlsConfig tls) {
        return new PeerClients(
                nodeId -> address(nodeId).map(p -> p.host() + ":" + p.port()).orElse(null), tls);
    }
}
