package io.lattice.gateway.node;

import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.manifest.StandaloneManifest;
import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.config.LatticeConfig.ControlPlaneMode;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.TreeSet;
import java.util.UUID;

/// This node's place in the cluster: its Raft group, and the group's voters.
///
/// @param group the group's name in the manifest
/// @param voters of the group, this node included
/// @param self this node
record Placement(String group, List<Manifest.Replica> voters, Manifest.Replica self) {
    /// Finds the node in a manifest.
    ///
    /// @throws IOException if the node has no place that this version can take, or the configuration contradicts it
    static Placement of(LatticeConfig config, Manifest manifest) throws IOException {
        String nodeId = config.cluster().nodeId();
        TreeSet<String> groups = new TreeSet<>();
        manifest.groups()
                .forEach((name, group) -> {
                    if (group.voters().stream().anyMatch(voter -> voter.nodeId().equals(nodeId))) {
                        groups.add(name);
                    }
                });
        if (groups.isEmpty()) {
            throw new IOException(
                    "the manifest has no place for node %s: found voters of groups %s; allowed a group with a voter of that node id (cluster.node_id)"
                            .formatted(nodeId, manifest.groups().keySet()));
        }
        if (groups.size() > 1) {
            throw new IOException(
                    "the manifest places node %s in several groups: found %s; allowed one group a node in this version"
                            .formatted(nodeId, groups));
        }
        String group = groups.first();
        Manifest.Group members = manifest.groups().get(group);
        if (members == null) {
            throw new IllegalStateException("a group went away: " + group);
        }
        Manifest.Replica self =
                members.voters().stream()
                        .filter(voter -> voter.nodeId().equals(nodeId))
                        .findFirst()
                        .orElseThrow();
        Placement placement = new Placement(group, members.voters(), self);
        placement.checkQuorum(config);
        return placement;
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
    UUID groupId(String cluster) {
        String name =
                group.equals(StandaloneManifest.GROUP)
                        ? "lattice/" + cluster
                        : "lattice/" + cluster + "/" + group;
        return UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8));
    }

    /// What clients are told of where this node is: what the manifest says, or else the configuration.
    List<String> clientUrls(LatticeConfig config) {
        return self.clientUrls().isEmpty()
                ? config.cluster().clientUrls().stream().map(URI::toString).toList()
                : self.clientUrls();
    }
}
