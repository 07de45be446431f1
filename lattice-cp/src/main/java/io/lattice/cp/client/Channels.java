package io.lattice.cp.client;

import io.grpc.ManagedChannel;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/// Connections to endpoints.
final class Channels {
    /// etcd cuts off clients that ping more often than every 5 s.
    private static final long PING_SECONDS = 10;

    private static final long PONG_SECONDS = 5;

    /// A page of the largest documents.
    private static final int MESSAGE_BYTES_MAX = 256 << 20;

    private Channels() {}

    static List<ManagedChannel> to(List<URI> endpoints, @Nullable ClientTls tls)
            throws ControlPlaneException {
        SslContext ssl = tls == null ? null : context(tls);
        List<ManagedChannel> channels = new ArrayList<>();
        for (URI endpoint : endpoints) {
            NettyChannelBuilder builder =
                    NettyChannelBuilder.forAddress(host(endpoint), endpoint.getPort())
                            .proxyDetector(_ -> null)
                            .disableRetry()
                            .keepAliveTime(PING_SECONDS, TimeUnit.SECONDS)
                            .keepAliveTimeout(PONG_SECONDS, TimeUnit.SECONDS)
                            .maxInboundMessageSize(MESSAGE_BYTES_MAX);
            if (!"https".equals(endpoint.getScheme())) {
                builder.usePlaintext();
            } else if (ssl != null) {
                builder.sslContext(ssl);
            } else {
                throw new IllegalArgumentException(
                        "endpoint " + endpoint + ": found no certificates; allowed with them only");
            }
            channels.add(builder.build());
        }
        return channels;
    }

    private static String host(URI endpoint) {
        String host = endpoint.getHost();
        return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
    }

    private static SslContext context(ClientTls tls) throws ControlPlaneException {
        try {
            return GrpcSslContexts.configure(
                            SslContextBuilder.forClient()
                                    .keyManager(tls.keys())
                                    .trustManager(tls.trust()),
                            // The other providers copy the keys once, and these may change.
                            SslProvider.JDK)
                    .protocols("TLSv1.2", "TLSv1.3")
                    .build();
        } catch (SSLException e) {
            throw new ControlPlaneException(
                    "the certificates for the control plane can't be used: " + e.getMessage(), e);
        }
    }
}
