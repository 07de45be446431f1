package io.lattice.gateway.http;

import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.ServerInterceptor;
import io.grpc.ServerStreamTracer;
import io.grpc.ServerTransportFilter;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.lattice.gateway.security.ClientTls;
import io.lattice.gateway.security.DevCertificates;
import io.lattice.gateway.security.TlsFiles;
import io.lattice.gateway.security.TlsMaterial;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.netty.handler.ssl.SslContextBuilder;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/// A client port over a [FakeNode], and clients of every kind for it.
final class PortFixture implements AutoCloseable {
    static final Limits LIMITS =
            new Limits(
                    1000,
                    Duration.ofSeconds(60),
                    Duration.ofSeconds(20),
                    Duration.ofSeconds(20),
                    2 << 20);

    /// For what must be cut off soon.
    static final Limits SHORT =
            new Limits(
                    5,
                    Duration.ofMillis(1500),
                    Duration.ofMillis(700),
                    Duration.ofMillis(700),
                    64 << 10);

    final FakeNode node = new FakeNode();
    final ClientPort port;
    final @Nullable ClientTls tls;
    private final List<ManagedChannel> channels = new ArrayList<>();

    /// Tells nobody.
    static final ServerStreamTracer.Factory UNTRACED =
            new ServerStreamTracer.Factory() {
                @Override
                public ServerStreamTracer newServerStreamTracer(String method, Metadata headers) {
                    return new ServerStreamTracer() {};
                }
            };

    private PortFixture(
            @Nullable TlsFiles server,
            Limits limits,
            List<ServerInterceptor> interceptors,
            List<ServerTransportFilter> filters)
            throws IOException {
        this.tls =
                server == null
                        ? null
                        : new ClientTls(TlsMaterial.load(server), List.of("TLSv1.2", "TLSv1.3"));
        this.port =
                ClientPort.start(
                        new InetSocketAddress("127.0.0.1", 0),
                        tls,
                        limits,
                        node.services(),
                        interceptors,
                        filters,
                        UNTRACED,
                        node);
    }

    static PortFixture plain(Limits limits) throws IOException {
        return new PortFixture(null, limits, List.of(), List.of());
    }

    /// With something before the services that looks at connections too.
    static <T extends ServerTransportFilter & ServerInterceptor> PortFixture behind(
            @Nullable TlsFiles server, T admission) throws IOException {
        return new PortFixture(server, LIMITS, List.of(admission), List.of(admission));
    }

    static PortFixture secure(TlsFiles server, Limits limits) throws IOException {
        return new PortFixture(server, limits, List.of(), List.of());
    }

    static DevCertificates authority(Path directory) throws IOException {
        return DevCertificates.createCa(directory, Instant.now());
    }

    /// A client of gRPC.
    ///
    /// @param trust its certificate and CA; null for plain text
    KVGrpc.KVBlockingStub grpc(@Nullable TlsFiles trust, boolean withCertificate)
            throws IOException {
        return KVGrpc.newBlockingStub(channel(trust, withCertificate))
                .withDeadlineAfter(20, TimeUnit.SECONDS);
    }

    ManagedChannel channel(@Nullable TlsFiles trust, boolean withCertificate) throws IOException {
        NettyChannelBuilder builder =
                NettyChannelBuilder.forAddress("127.0.0.1", port.port()).disableRetry();
        if (trust == null) {
            builder.usePlaintext();
        } else {
            SslContextBuilder context =
                    GrpcSslContexts.forClient().trustManager(trust.ca().toFile());
            if (withCertificate) {
                context.keyManager(trust.chain().toFile(), trust.key().toFile());
            }
            builder.sslContext(context.build());
        }
        ManagedChannel channel = builder.build();
        channels.add(channel);
        return channel;
    }

    /// A TCP connection that has sent nothing.
    Socket socket() throws IOException {
        Socket socket = new Socket("127.0.0.1", port.port());
        socket.setSoTimeout(20_000);
        return socket;
    }

    /// A connection after its TLS handshake.
    static SSLSocket secured(Socket socket, SSLContext context, String... protocols)
            throws IOException {
        SSLSocket secured =
                (SSLSocket)
                        context.getSocketFactory()
                                .createSocket(socket, "127.0.0.1", socket.getPort(), true);
        var parameters = secured.getSSLParameters();
        parameters.setApplicationProtocols(protocols);
        secured.setSSLParameters(parameters);
        secured.startHandshake();
        return secured;
    }

    static SSLContext context(TlsFiles files, boolean withCertificate) {
        try {
            TlsMaterial material = TlsMaterial.load(files);
            KeyStore trusted = KeyStore.getInstance("PKCS12");
            trusted.load(null, null);
            for (int i = 0; i < material.ca().size(); i++) {
                trusted.setCertificateEntry("ca" + i, material.ca().get(i));
            }
            TrustManagerFactory trust =
                    TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(trusted);
            KeyManagerFactory keys =
                    KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            KeyStore own = KeyStore.getInstance("PKCS12");
            own.load(null, null);
            if (withCertificate) {
                own.setKeyEntry(
                        "own",
                        material.key(),
                        new char[0],
                        material.chain().toArray(X509Certificate[]::new));
            }
            keys.init(own, new char[0]);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
            return context;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /// One request of HTTP/1.1 on a connection of its own; a body makes it a POST.
    HttpResponse<String> http(@Nullable SSLContext context, String path, @Nullable String body)
            throws IOException, InterruptedException {
        HttpClient.Builder builder =
                HttpClient.newBuilder()
                        .version(HttpClient.Version.HTTP_1_1)
                        .connectTimeout(Duration.ofSeconds(20));
        if (context != null) {
            builder.sslContext(context);
        }
        try (HttpClient client = builder.build()) {
            HttpRequest.Builder request =
                    HttpRequest.newBuilder(
                                    URI.create(
                                            (context == null ? "http" : "https")
                                                    + "://127.0.0.1:"
                                                    + port.port()
                                                    + path))
                            .timeout(Duration.ofSeconds(20));
            if (body != null) {
                request.POST(HttpRequest.BodyPublishers.ofString(body));
            }
            return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
        }
    }

    @Override
    public void close() throws InterruptedException {
        channels.forEach(ManagedChannel::shutdownNow);
        port.shutdown();
        port.drain(Duration.ofSeconds(1));
    }
}
