package io.lattice.gateway.node;

import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.grpc.Headers;
import io.lattice.gateway.raft.RaftSettings;
import io.lattice.gateway.security.TlsFiles;
import io.lattice.gateway.security.TlsMaterial;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.UUID;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/// The configuration in the Raft edge's terms.
final class RaftMapping {
    /// Commands wait in memory: bounded by bytes too, since one may have the size of the request limit.
    private static final long QUEUE_BYTES_MAX = 64L << 20;

    private RaftMapping() {}

    static RaftSettings settings(LatticeConfig config) throws IOException {
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
                tls(cluster.tls()));
    }

    /// Clusters of different names have different groups, so that their nodes never take each other for peers.
    static UUID groupId(LatticeConfig config) {
        return UUID.nameUUIDFromBytes(
                ("lattice/" + config.cluster().name()).getBytes(StandardCharsets.UTF_8));
    }

    static long clusterId(LatticeConfig config) {
        return Headers.id(groupId(config).toString());
    }

    private static RaftSettings.@Nullable PeerTls tls(@Nullable TlsFiles files) throws IOException {
        if (files == null) {
            return null;
        }
        TlsMaterial material = TlsMaterial.load(files);
        try {
            char[] password = new char[0];
            KeyStore keys = KeyStore.getInstance("PKCS12");
            keys.load(null, password);
            keys.setKeyEntry(
                    "node",
                    material.key(),
                    password,
                    material.chain().toArray(X509Certificate[]::new));
            KeyManagerFactory keyManagers =
                    KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keyManagers.init(keys, password);
            KeyStore trusted = KeyStore.getInstance("PKCS12");
            trusted.load(null, password);
            int i = 0;
            for (X509Certificate ca : material.ca()) {
                trusted.setCertificateEntry("ca-" + i++, ca);
            }
            TrustManagerFactory trustManagers =
                    TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trustManagers.init(trusted);
            return new RaftSettings.PeerTls(
                    keyManagers.getKeyManagers()[0], trustManagers.getTrustManagers()[0]);
        } catch (GeneralSecurityException e) {
            throw new IOException("the TLS files of the Raft port can't be used", e);
        }
    }
}
