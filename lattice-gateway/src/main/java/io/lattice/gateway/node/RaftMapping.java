package io.lattice.gateway.node;

import io.lattice.cp.manifest.Manifest;
import io.lattice.gateway.config.HostPort;
import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.grpc.Headers;
import io.lattice.gateway.raft.GroupSettings;
import io.lattice.gateway.raft.RaftSettings;
import io.lattice.gateway.security.SwappableTls;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The configuration in the Raft edge's terms.
final class RaftMapping {
    /// Commands wait in memory: bounded by bytes too, since one may have the size of the request limit.
    private static final long QUEUE_BYTES_MAX = 64L << 20;

    private RaftMapping() {}

    /// A group as its members are to have it.
    static GroupSettings group(LatticeConfig config, Placement placement) {
        return group(config, placement.group(), placement.voters(), placement.listeners());
    }

    /// A group of a manifest, in which this node may have no place.
    static GroupSettings group(LatticeConfig config, String name, Manifest.Group group) {
        return group(config, name, group.voters(), group.listeners());
    }

    private static GroupSettings group(
            LatticeConfig config,
            String name,
            List<Manifest.Replica> voters,
            List<Manifest.Replica> listeners) {
        return new GroupSettings(
                name,
                Placement.groupId(config.cluster().name(), name),
                addresses(voters),
                addresses(listeners));
    }

    private static List<GroupSettings.PeerAddress> addresses(List<Manifest.Replica> replicas) {
        return replicas.stream()
                .map(replica -> {
                    HostPort address = address(replica);
                    return new GroupSettings.PeerAddress(
                            replica.nodeId(), address.host(), address.port());
                })
                .toList();
    }

    /// @param placements this node's places
    /// @param tls of the Raft port; null for plain text
    static RaftSettings settings(
            LatticeConfig config, List<Placement> placements, @Nullable SwappableTls tls) {
        LatticeConfig.Cluster cluster = config.cluster();
        LatticeConfig.Batching batching = config.batching();
        return new RaftSettings(
                cluster.nodeId(),
                Placement.clusterId(cluster.name()),
                // With a control plane a group with others may come at any time.
                config.controlPlane().mode() == LatticeConfig.ControlPlaneMode.STANDALONE
                        && placements.stream().allMatch(Placement::alone),
                cluster.raftBind().isWildcard() ? "" : cluster.raftBind().host(),
                cluster.raftBind().port(),
                config.paths().walDir(),
                config.paths().dataDir(),
                config.raft().electionTimeoutMin(),
                config.raft().electionTimeoutMax(),
                config.raft().segmentSizeBytes(),
                config.raft().logRetainedEntries(),
                config.limits().requestTimeout(),
                batching.maxBatchCommands(),
                batching.maxBatchBytes(),
                batching.maxWait(),
                batching.queueCapacity(),
                QUEUE_BYTES_MAX,
                tls == null
                        ? null
                        : new RaftSettings.PeerTls(
                                tls.keyManager(), tls.trustManager(), tls::swaps));
    }

    private static HostPort address(Manifest.Replica replica) {
        HostPort address = HostPort.parse(replica.raftAddress());
        if (address == null) {
            throw new IllegalArgumentException(
                    "node %s: found Raft address %s; allowed host:port"
                            .formatted(replica.nodeId(), replica.raftAddress()));
        }
        return address;
    }

    static long clusterId(LatticeConfig config, Placement placement) {
        return Headers.id(Placement.groupId(config.cluster().name(), placement.group()).toString());
    }
}
