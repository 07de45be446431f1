package io.lattice.gateway.raft;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.ratis.proto.RaftProtos.RaftPeerRole;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.server.RaftConfiguration;

/// Who is in a group.
///
/// @param listeners those that have the data and don't vote
record Members(List<RaftPeer> voters, List<RaftPeer> listeners) {
    Members {
        voters = List.copyOf(voters);
        listeners = List.copyOf(listeners);
    }

    /// Those of now; while a change is under way, those that are to be.
    static Members of(RaftConfiguration configuration) {
        return new Members(
                List.copyOf(configuration.getCurrentPeers(RaftPeerRole.FOLLOWER)),
                List.copyOf(configuration.getCurrentPeers(RaftPeerRole.LISTENER)));
    }

    /// Whether no change is under way.
    static boolean areSettled(RaftConfiguration configuration) {
        // There always is a voter.
        return configuration.getPreviousPeers().isEmpty();
    }

    static String nodeOf(RaftPeer peer) {
        return RaftIdentity.nodeOf(peer.getId().toString());
    }

    /// Those in one role.
    List<RaftPeer> in(boolean listener) {
        return listener ? listeners : voters;
    }

    /// The identities of all.
    Set<String> raftIds() {
        return Stream.concat(voters.stream(), listeners.stream())
                .map(peer -> peer.getId().toString())
                .collect(Collectors.toSet());
    }

    Members without(RaftPeer peer) {
        return new Members(
                voters.stream().filter(p -> !p.getId().equals(peer.getId())).toList(),
                listeners.stream().filter(p -> !p.getId().equals(peer.getId())).toList());
    }

    /// With a member more, in the place of another identity of its node.
    Members with(RaftPeer peer, boolean listener) {
        List<RaftPeer> changed = new ArrayList<>(in(listener));
        changed.removeIf(p -> nodeOf(p).equals(nodeOf(peer)));
        changed.add(peer);
        return listener ? new Members(voters, changed) : new Members(changed, listeners);
    }

    /// For the log.
    @Override
    public String toString() {
        return listeners.isEmpty() ? voters.toString() : voters + " and the listeners " + listeners;
    }
}
