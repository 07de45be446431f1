package io.lattice.gateway.node;

import io.lattice.cp.manifest.Manifest;
import io.lattice.gateway.config.HostPort;
import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.grpc.Headers;
import io.lattice.gateway.raft.RaftSettings;
import io.lattice.gateway.security.SwappableTls;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The configuration in the Raft edge's terms.
final class RaftMapping {
    /// Commands wait in memory: bounded by bytes too, since one may have the size of the request limit.
    private static final long QUEUE_BYTES_MAX = 64L << 20;

    private RaftMapping() {}

    /// @param tls of the Raft port; null for plain text
    static RaftSettings settings(
            LatticeConfig config, Placement placement, @Nullable SwappableTls tls) {
        LatticeConfig.Cluster cluster = config.cluster();
        LatticeConfig.Batching batching = config.batching();
        List<RaftSettings.PeerAddress> peers =
                placement.voters().stream()
                        .map(voter -> {
                            HostPort address = address(voter);
                            return new RaftSettings.PeerAddress(
                                    voter.nodeId(), address.host(), address.port());
                        })
                        .toList();
        return new RaftSettings(
                cluster.nodeId(),
                placement.groupId(cluster.name()),
                peers,
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
                batching.queueCapacity(),
                QUEUE_BYTES_MAX,
                tls == null
                        ? null
                        : new RaftSettings.PeerTls(
                                tls.keyManager(), tls.trustManager(), tls::swaps));
    }

    private static HostPort address(Manifest.Replica voter) {
        HostPort address = HostPort.parse(voter.raftAddress());
        if (address == null) {
            throw new IllegalArgumentException(
                    "node %s: found Raft address %s; allowed host:port"
                            .formatted(voter.nodeId(), voter.raftAddress()));
        }
        return address;
    }

    static long clusterId(LatticeConfig config, Placement placement) {
        return Headers.id(placement.groupId(config.cluster().name()).toString());
    }
}
