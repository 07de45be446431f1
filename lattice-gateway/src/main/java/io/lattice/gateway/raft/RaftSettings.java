package io.lattice.gateway.raft;

import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import java.util.function.LongSupplier;
import javax.net.ssl.KeyManager;
import javax.net.ssl.TrustManager;
import org.apache.ratis.grpc.GrpcTlsConfig;
import org.jspecify.annotations.Nullable;

/// All that the Raft edge needs to know of the configuration, for all groups.
///
/// @param nodeId this node's name
/// @param clusterId the same on all nodes of the cluster, and different for every cluster
/// @param alone whether this node is the only voter of all its groups, and has nobody to wait for
/// @param bindHost local address to listen on; empty for all
/// @param bindPort local port for Raft and for the channel between the nodes
/// @param walDirectory where the Raft logs are
/// @param dataDirectory where the state machines' files are
/// @param electionTimeoutMin shortest silence of a leader after which a follower campaigns
/// @param electionTimeoutMax longest such silence
/// @param segmentSizeBytes size at which a log segment is closed
/// @param logRetainedEntries entries kept behind a snapshot, so that a short absence needs no snapshot
/// @param requestTimeout how long a request may wait for consensus
/// @param batchCommandsMax commands in one log entry
/// @param batchBytesMax encoded commands in one log entry, bytes; a single larger command still gets an entry of
///     its own
/// @param batchWaitMax how long a batch of a steady stream may wait for more; 0 for not at all
/// @param queueCommandsMax commands that may wait before further ones are refused
/// @param queueBytesMax encoded bytes that may wait before further ones are refused
/// @param tls null for plain text
public record RaftSettings(
        String nodeId,
        UUID clusterId,
        boolean alone,
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
        Duration batchWaitMax,
        int queueCommandsMax,
        long queueBytesMax,
        @Nullable PeerTls tls) {

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
