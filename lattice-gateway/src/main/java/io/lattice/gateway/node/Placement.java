package io.lattice.gateway.node;

import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.manifest.StandaloneManifest;
import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.config.LatticeConfig.ControlPlaneMode;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Stream;

/// This node's place in one Raft group.
///
/// @param group the group's name in the manifest
/// @param voters of the group
/// @param listeners of the group; this node is among these or those
/// @param self this node
record Placement(
        String group,
        List<Manifest.Replica> voters,
        List<Manifest.Replica> listeners,
        Manifest.Replica self) {
    /// Finds the node's places in a manifest, by the names of their groups.
    ///
    /// @throws IOException if the node has no place, or the configuration contradicts it
    static List<Placement> atLeastOne(LatticeConfig config, Manifest manifest) throws IOException {
        List<Placement> placements = of(config, manifest);
        if (placements.isEmpty()) {
            throw new IOException(
                    "the manifest has no place for node %s: found replicas of groups %s; allowed a group with a replica of that node id (cluster.node_id)"
                            .formatted(
                                    config.cluster().nodeId(),
                                    new TreeSet<>(manifest.groups().keySet())));
        }
        return placements;
    }

    /// Finds the node's places in a manifest, by the names of their groups; none if it has none.
    ///
    /// @throws IOException if the configuration contradicts it
    static List<Placement> of(LatticeConfig config, Manifest manifest) throws IOException {
        String nodeId = config.cluster().nodeId();
        List<Placement> placements = new ArrayList<>();
        for (Map.Entry<String, Manifest.Group> group :
                new TreeMap<>(manifest.groups()).entrySet()) {
            List<Manifest.Replica> voters = group.getValue().voters();
            List<Manifest.Replica> listeners = group.getValue().listeners();
            Optional<Manifest.Replica> self =
                    Stream.concat(voters.stream(), listeners.stream())
                            .filter(replica -> replica.nodeId().equals(nodeId))
                            .findFirst();
            if (self.isPresent()) {
                Placement placement = new Placement(group.getKey(), voters, listeners, self.get());
                placement.checkQuorum(config);
                placements.add(placement);
            }
        }
        return placements;
    }

    /// Whether there is no other voter.
    boolean alone() {
        return voters.size() == 1;
    }

    /// Whether this node has the group's data without a vote.
    boolean listens() {
        return listeners.contains(self);
    }

    private void checkQuorum(LatticeConfig config) throws IOException {
        int majority = voters.size() / 2 + 1;
        int given = config.durability().quorumSize();
        if (config.controlPlane().mode() == ControlPlaneMode.CLUSTOR
                && given != 0
                && given != majority) {
            throw new IOException(
                    "durability.quorum_size: found %d; allowed %d, the majority of the %d voter(s) of group %s in the manifest (or leave the key out)"
                            .formatted(given, majority, voters.size(), group));
        }
    }

    /// Groups of clusters of different names are different, so that their nodes never take each other for peers. The first group's
    /// is the one of a cluster without a control plane, which can so get one.
    static UUID groupId(String cluster, String group) {
        return group.equals(StandaloneManifest.GROUP)
                ? clusterId(cluster)
                : id("lattice/" + cluster + "/" + group);
    }

    /// The cluster's own.
    static UUID clusterId(String cluster) {
        return id("lattice/" + cluster);
    }

    private static UUID id(String name) {
        return UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8));
    }

    /// What clients are told of where this node is: what the manifest says, or else the configuration.
    List<String> clientUrls(LatticeConfig config) {
        return self.clientUrls().isEmpty()
                ? config.cluster().clientUrls().stream().map(URI::toString).toList()
                : self.clientUrls();
    }
}
