package io.lattice.gateway.http;

import io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.http2.Http2CodecUtil;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The first handler of a connection: counts it, does the TLS handshake, finds out which protocol the client speaks, and gives
/// way to that protocol's handlers. On TLS the handshake agrees on the protocol; without an agreement, and on plain text, the
/// first bytes tell: HTTP/2 begins with a preface that no HTTP/1.1 request can begin with.
///
/// Belongs to the connection's event loop. A client that doesn't get through in time is cut off by gRPC's handshake timeout,
/// which runs until its HTTP/2 is ready, or by [HttpConnection].
final class Entrance extends ByteToMessageDecoder {
    private static final Logger LOG = LoggerFactory.getLogger(Entrance.class);

    private final ClientPort.Connections port;
    private final GrpcHttp2ConnectionHandler grpc;
    private @Nullable SslHandler tls;
    private boolean handshaken;

    Entrance(ClientPort.Connections port, GrpcHttp2ConnectionHandler grpc) {
        this.port = port;
        this.grpc = grpc;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        if (!port.count().enter(ctx.channel())) {
            var _ = ctx.close();
            return;
        }
        if (port.tls() == null) {
            handshaken = true;
            return;
        }
        tls = port.tls().context().newHandler(ctx.alloc());
        tls.setHandshakeTimeout(port.limits().handshake().toMillis(), TimeUnit.MILLISECONDS);
        ctx.pipeline().addBefore(ctx.name(), null, tls);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) throws Exception {
        if (event instanceof SslHandshakeCompletionEvent handshake && tls != null) {
            if (!handshake.isSuccess()) {
                LOG.debug("TLS handshake with {} failed", ctx.channel(), handshake.cause());
                var _ = ctx.close();
                return;
            }
            handshaken = true;
            String protocol = tls.applicationProtocol();
            if (ApplicationProtocolNames.HTTP_2.equals(protocol)) {
                toHttp2(ctx);
                return;
            }
            if (ApplicationProtocolNames.HTTP_1_1.equals(protocol)) {
                HttpConnection.install(ctx, port, session());
                return;
            }
        }
        super.userEventTriggered(ctx, event);
    }

    @Override
    protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
        if (!handshaken) {
            return;
        }
        ByteBuf preface = Http2CodecUtil.connectionPrefaceBuf();
        try {
            int seen = Math.min(in.readableBytes(), preface.readableBytes());
            for (int i = 0; i < seen; i++) {
                if (in.getByte(in.readerIndex() + i) != preface.getByte(i)) {
                    HttpConnection.install(ctx, port, session());
                    return;
                }
            }
            if (seen == preface.readableBytes()) {
                toHttp2(ctx);
            }
        } finally {
            preface.release();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        // Plain text on the TLS port, for example.
        LOG.debug("closing {}", ctx.channel(), cause);
        var _ = ctx.close();
    }

    private void toHttp2(ChannelHandlerContext ctx) {
        SSLSession session = session();
        Http2Requests.install(port, grpc, session);
        GrpcTransport.toGrpc(ctx, grpc, session);
    }

    private @Nullable SSLSession session() {
        return tls == null ? null : tls.engine().getSession();
    }
}
