package io.lattice.gateway.node;

import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.grpc.Headers;
import io.lattice.gateway.raft.RaftSettings;
import io.lattice.gateway.security.SwappableTls;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/// The configuration in the Raft edge's terms.
final class RaftMapping {
    /// Commands wait in memory: bounded by bytes too, since one may have the size of the request limit.
    private static final long QUEUE_BYTES_MAX = 64L << 20;

    private RaftMapping() {}

    /// @param tls of the Raft port; null for plain text
    static RaftSettings settings(LatticeConfig config, @Nullable SwappableTls tls) {
        LatticeConfig.Cluster cluster = config.cluster();
        LatticeConfig.Batching batching = config.batching();
        List<RaftSettings.PeerAddress> peers =
                cluster.peers().stream()
                        .map(p ->
                                new RaftSettings.PeerAddress(
                                        p.nodeId(), p.raftAddress().host(), p.raftAddress().port()))
                        .toList();
        return new RaftSettings(
                cluster.nodeId(),
                groupId(config),
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

    /// Clusters of different names have different groups, so that their nodes never take each other for peers.
    static UUID groupId(LatticeConfig config) {
        return UUID.nameUUIDFromBytes(
                ("lattice/" + config.cluster().name()).getBytes(StandardCharsets.UTF_8));
    }

    static long clusterId(LatticeConfig config) {
        return Headers.id(groupId(config).toString());
    }
}
