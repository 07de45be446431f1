package io.lattice.gateway.raft;

import java.nio.file.Path;
import java.util.List;
import java.util.UUID;

/// A Raft group as this node is to have it.
///
/// @param name for people
/// @param id the same on all its members
/// @param peers its voters by the configuration or the manifest, by their node ids
public record GroupSettings(String name, UUID id, List<PeerAddress> peers) {
    public GroupSettings {
        peers = List.copyOf(peers);
    }

    /// A voter and where its Raft port is.
    public record PeerAddress(String nodeId, String host, int port) {}

    /// The voters' node ids, in order.
    List<String> voters() {
        return peers.stream().map(PeerAddress::nodeId).sorted().toList();
    }

    /// Where the group's state is below a node's data directory.
    Path storeDirectory(Path dataDirectory) {
        return storeDirectory(dataDirectory, id);
    }

    static Path storeDirectory(Path dataDirectory, UUID group) {
        return dataDirectory.resolve("groups").resolve(group.toString());
    }
}
