package io.lattice.gateway.raft;

import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The nodes that the configuration or the manifest names, this one included, by their node ids.
record ConfiguredPeers(List<PeerAddress> peers) {
    private static final Logger LOG = LoggerFactory.getLogger(ConfiguredPeers.class);

    /// The voters and the listeners of a group.
    static ConfiguredPeers of(GroupSettings group) {
        return new ConfiguredPeers(group.members());
    }

    Optional<PeerAddress> address(String nodeId) {
        return peers.stream().filter(p -> p.nodeId().equals(nodeId)).findFirst();
    }

    /// A Raft peer of that identity at an address.
    static RaftPeer peer(String raftId, PeerAddress address) {
        return RaftPeer.newBuilder().setId(raftId).setAddress(address.hostPort()).build();
    }

    /// A group with the members that its log begins with. What the log says of later ones takes precedence; so if one of them
    /// isn't configured any more, the log has to say it all.
    RaftGroup group(RaftGroupId id, List<String> founders) {
        List<RaftPeer> members = new ArrayList<>();
        for (String founder : founders) {
            Optional<PeerAddress> address = address(RaftIdentity.nodeOf(founder));
            if (address.isEmpty()) {
                LOG.warn("{} of the founders {} isn't configured any more", founder, founders);
                return RaftGroup.valueOf(id);
            }
            members.add(peer(founder, address.get()));
        }
        return RaftGroup.valueOf(id, members);
    }
}
