package io.lattice.gateway.raft;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.function.LongSupplier;
import javax.net.ssl.KeyManager;
import javax.net.ssl.TrustManager;
import org.apache.ratis.grpc.GrpcTlsConfig;
import org.jspecify.annotations.Nullable;

/// All that the Raft edge needs to know of the configuration.
///
/// @param nodeId this node's name among `peers`
/// @param groupId the Raft group, the same on all nodes of the cluster
/// @param peers all voters of the static configuration, this node included
/// @param bindHost local address to listen on; empty for all
/// @param bindPort local port for Raft and for the channel between the nodes
/// @param walDirectory where the Raft log is
/// @param dataDirectory where the state machine's files are
/// @param electionTimeoutMin shortest silence of a leader after which a follower campaigns
/// @param electionTimeoutMax longest such silence
/// @param segmentSizeBytes size at which a log segment is closed
/// @param logRetainedEntries entries kept behind a snapshot, so that a short absence needs no snapshot
/// @param requestTimeout how long a request may wait for consensus
/// @param batchCommandsMax commands in one log entry
/// @param batchBytesMax encoded commands in one log entry, bytes; a single larger command still gets an entry of
///     its own
/// @param queueCommandsMax commands that may wait before further ones are refused
/// @param queueBytesMax encoded bytes that may wait before further ones are refused
/// @param tls null for plain text
public record RaftSettings(
        String nodeId,
        UUID groupId,
        List<PeerAddress> peers,
        String bindHost,
        int bindPort,
        Path walDirectory,
        Path dataDirectory,
        Duration electionTimeoutMin,
        Duration electionTimeoutMax,
        long segmentSizeBytes,
        long logRetainedEntries,
        Duration requestTimeout,
        int batchCommandsMax,
        int batchBytesMax,
        int queueCommandsMax,
        long queueBytesMax,
        @Nullable PeerTls tls) {

    public RaftSettings {
        peers = List.copyOf(peers);
        if (peers.stream().noneMatch(p -> p.nodeId().equals(nodeId))) {
            throw new IllegalArgumentException(
                    "node " + nodeId + " is not among the peers " + peers);
        }
    }

    /// A voter and where its Raft port is.
    public record PeerAddress(String nodeId, String host, int port) {}

    /// Key, certificates and trust for both directions of the Raft port. What the managers answer may change.
    ///
    /// @param changes how often it has
    public record PeerTls(KeyManager keyManager, TrustManager trustManager, LongSupplier changes) {
        /// The same to Ratis: mutual TLS.
        GrpcTlsConfig config() {
            return new GrpcTlsConfig(keyManager, trustManager, true);
        }
    }
}
