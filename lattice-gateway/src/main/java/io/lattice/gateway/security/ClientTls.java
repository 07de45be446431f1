package io.lattice.gateway.security;

import io.netty.handler.codec.http2.Http2SecurityUtil;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolConfig.Protocol;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectedListenerFailureBehavior;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectorFailureBehavior;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.SupportedCipherSuiteFilter;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.util.List;

/// The TLS of the client port. Each new connection gets the context that was set last; a swap touches none that is
/// established. Thread-safe.
///
/// A client may come without a certificate, since health is answered without one; who needs one refuses the call. One that
/// is presented must chain up to the CA and be valid, or the handshake fails.
public final class ClientTls implements TlsReloader.Use {
    private final List<String> versions;
    private volatile SslContext context;

    /// Begins with some material.
    ///
    /// @param versions TLS versions that are spoken, as JCA names them
    /// @throws IOException if the TLS library refuses the material
    public ClientTls(TlsMaterial material, List<String> versions) throws IOException {
        this.versions = List.copyOf(versions);
        this.context = build(material);
    }

    @Override
    public void swap(TlsMaterial material) throws IOException {
        context = build(material);
    }

    /// For a new connection.
    public SslContext context() {
        return context;
    }

    private SslContext build(TlsMaterial material) throws IOException {
        return SslContextBuilder.forServer(
                        material.key(), material.chain().toArray(X509Certificate[]::new))
                // BoringSSL costs a fraction of the JDK's.
                .sslProvider(OpenSsl.isAvailable() ? SslProvider.OPENSSL : SslProvider.JDK)
                .ciphers(Http2SecurityUtil.CIPHERS, SupportedCipherSuiteFilter.INSTANCE)
                .trustManager(material.ca().toArray(X509Certificate[]::new))
                .clientAuth(ClientAuth.OPTIONAL)
                .protocols(versions)
                .applicationProtocolConfig(
                        // The server's order decides, and is etcd's.
                        new ApplicationProtocolConfig(
                                Protocol.ALPN,
                                SelectorFailureBehavior.NO_ADVERTISE,
                                SelectedListenerFailureBehavior.ACCEPT,
                                ApplicationProtocolNames.HTTP_2,
                                ApplicationProtocolNames.HTTP_1_1))
                .build();
    }
}
