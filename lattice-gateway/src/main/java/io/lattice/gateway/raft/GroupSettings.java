package io.lattice.gateway.raft;

import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/// A Raft group as this node is to have it.
///
/// @param name for people
/// @param id the same on all its members
/// @param peers its voters by the configuration or the manifest, by their node ids
/// @param listeners the nodes that have its data and don't vote
public record GroupSettings(
        String name, UUID id, List<PeerAddress> peers, List<PeerAddress> listeners) {
    public GroupSettings {
        peers = List.copyOf(peers);
        listeners = List.copyOf(listeners);
    }

    /// A group of voters only.
    public GroupSettings(String name, UUID id, List<PeerAddress> peers) {
        this(name, id, peers, List.of());
    }

    /// A member and where its Raft port is.
    public record PeerAddress(String nodeId, String host, int port) {
        String hostPort() {
            return host + ":" + port;
        }
    }

    /// Voters and listeners.
    List<PeerAddress> members() {
        return Stream.concat(peers.stream(), listeners.stream()).toList();
    }

    /// The voters' node ids, in order.
    List<String> voters() {
        return nodeIds(false);
    }

    /// The node ids that are to be members in one role, in order.
    List<String> nodeIds(boolean listener) {
        return (listener ? listeners : peers).stream().map(PeerAddress::nodeId).sorted().toList();
    }

    /// Whether a node is to be a listener.
    boolean listens(String nodeId) {
        return listeners.stream().anyMatch(p -> p.nodeId().equals(nodeId));
    }

    /// Where the group's state is below a node's data directory.
    Path storeDirectory(Path dataDirectory) {
        return storeDirectory(dataDirectory, id);
    }

    static Path storeDirectory(Path dataDirectory, UUID group) {
        return dataDirectory.resolve("groups").resolve(group.toString());
    }
}
