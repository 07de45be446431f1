package io.lattice.gateway.raft;

import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSessionContext;
import org.apache.ratis.grpc.GrpcUtil;
import org.apache.ratis.thirdparty.io.netty.buffer.ByteBufAllocator;
import org.apache.ratis.thirdparty.io.netty.handler.ssl.ApplicationProtocolNegotiator;
import org.apache.ratis.thirdparty.io.netty.handler.ssl.SslContext;

/// The TLS of the Raft port: a context of Ratis', made anew for the first connection after its material has changed.
///
/// Managers whose contents are replaced aren't enough here. The tickets that a context has given out let in whoever once
/// showed a certificate that was good, without another look at it, and it goes on naming the authorities of its first day
/// to clients that choose their certificate by them.
///
/// Thread-safe; runs on the event loops of the port.
final class PeerServerTls extends SslContext {
    private final RaftSettings.PeerTls material;
    private volatile Made made;

    /// @param number of the change that it has certainly seen
    private record Made(long number, SslContext context) {}

    PeerServerTls(RaftSettings.PeerTls material) {
        this.material = material;
        this.made = make();
    }

    private Made make() {
        // Before: a change in between is then seen the next time.
        long number = material.changes().getAsLong();
        return new Made(number, GrpcUtil.buildSslContextForServer(material.config()));
    }

    private SslContext current() {
        if (made.number() != material.changes().getAsLong()) {
            synchronized (this) {
                if (made.number() != material.changes().getAsLong()) {
                    made = make();
                }
            }
        }
        return made.context();
    }

    @Override
    public SSLEngine newEngine(ByteBufAllocator allocator) {
        return current().newEngine(allocator);
    }

    @Override
    public SSLEngine newEngine(ByteBufAllocator allocator, String peerHost, int peerPort) {
        return current().newEngine(allocator, peerHost, peerPort);
    }

    @Override
    public boolean isClient() {
        return made.context().isClient();
    }

    @Override
    public List<String> cipherSuites() {
        return made.context().cipherSuites();
    }

    @Override
    @SuppressWarnings("deprecation") // only gRPC asks, and has no other way
    public ApplicationProtocolNegotiator applicationProtocolNegotiator() {
        return made.context().applicationProtocolNegotiator();
    }

    @Override
    public SSLSessionContext sessionContext() {
        return made.context().sessionContext();
    }
}
