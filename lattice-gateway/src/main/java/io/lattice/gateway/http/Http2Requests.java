package io.lattice.gateway.http;

import io.grpc.Attributes;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameListener;
import io.netty.handler.codec.http2.Http2FrameListenerDecorator;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.util.AsciiString;
import io.netty.util.collection.IntObjectHashMap;
import io.netty.util.collection.IntObjectMap;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Stands between a connection's HTTP/2 and gRPC: as in etcd, a request whose content type isn't gRPC's is for the port's
/// endpoints, and one connection may have both kinds. Everything of the connection itself (head sizes, streams, resets, floods,
/// pings, idleness, shutdown) is gRPC's, so that its limits hold for all streams.
///
/// Belongs to the connection's event loop.
final class Http2Requests extends Http2FrameListenerDecorator {
    private static final Logger LOG = LoggerFactory.getLogger(Http2Requests.class);
    private static final AsciiString GRPC = AsciiString.cached("application/grpc");

    /// Bodies that aren't complete, in multiples of the largest one: a client with many streams can't have more kept.
    private static final int BODIES_MAX = 4;

    private final ClientPort.Connections port;
    private final Http2ConnectionHandler http2;
    private final @Nullable SSLSession session;

    /// Those of the endpoints; of gRPC's streams none.
    private final IntObjectMap<Http2Request> open = new IntObjectHashMap<>(4);

    private @Nullable Attributes attributes;
    private long bodyBytes;

    private Http2Requests(
            ClientPort.Connections port,
            Http2ConnectionHandler http2,
            Http2FrameListener grpc,
            @Nullable SSLSession session) {
        super(grpc);
        this.port = port;
        this.http2 = http2;
        this.session = session;
    }

    /// Puts it before gRPC, on a connection that hasn't begun.
    static void install(
            ClientPort.Connections port,
            Http2ConnectionHandler http2,
            @Nullable SSLSession session) {
        Http2Requests requests =
                new Http2Requests(port, http2, http2.decoder().frameListener(), session);
        http2.decoder().frameListener(requests);
        http2.connection().addListener(requests.new Closings());
    }

    ClientPort.Connections port() {
        return port;
    }

    Http2ConnectionHandler http2() {
        return http2;
    }

    /// What the filters made of the connection, asked when its first request comes.
    Attributes attributes(ChannelHandlerContext ctx) {
        Attributes known = attributes;
        if (known == null) {
            Attributes settled = port.ready(GrpcTransport.attributes(ctx.channel(), session));
            ctx.channel().closeFuture().addListener(closed -> port.terminated(settled));
            attributes = settled;
            known = settled;
        }
        return known;
    }

    /// Counts what is kept of bodies that aren't complete.
    ///
    /// @param bytes more, or fewer if negative
    /// @return whether that may be
    boolean keep(int bytes) {
        bodyBytes += bytes;
        return bodyBytes <= (long) BODIES_MAX * port.limits().bodyBytes();
    }

    @Override
    public void onHeadersRead(
            ChannelHandlerContext ctx,
            int streamId,
            Http2Headers headers,
            int streamDependency,
            short weight,
            boolean exclusive,
            int padding,
            boolean endStream)
            throws Http2Exception {
        Http2Request begun = open.isEmpty() ? null : open.get(streamId);
        if (begun != null) {
            // Trailers.
            if (endStream) {
                begun.bodyEnd();
            }
            return;
        }
        CharSequence type = headers.get(HttpHeaderNames.CONTENT_TYPE);
        if (type != null && AsciiString.regionMatches(type, true, 0, GRPC, 0, GRPC.length())) {
            super.onHeadersRead(
                    ctx,
                    streamId,
                    headers,
                    streamDependency,
                    weight,
                    exclusive,
                    padding,
                    endStream);
            return;
        }
        Http2Stream stream = http2.connection().stream(streamId);
        if (stream == null || headers.method() == null || headers.path() == null) {
            reset(ctx, streamId);
            return;
        }
        Http2Request request;
        try {
            request = new Http2Request(this, ctx, stream, headers);
        } catch (IllegalArgumentException e) {
            LOG.debug("not a request, from {}", ctx.channel(), e);
            reset(ctx, streamId);
            return;
        }
        open.put(streamId, request);
        request.begin(endStream);
    }

    private void reset(ChannelHandlerContext ctx, int streamId) {
        var _ =
                http2.resetStream(
                        ctx, streamId, Http2Error.PROTOCOL_ERROR.code(), ctx.newPromise());
    }

    @Override
    public int onDataRead(
            ChannelHandlerContext ctx, int streamId, ByteBuf data, int padding, boolean endOfStream)
            throws Http2Exception {
        Http2Request request = open.isEmpty() ? null : open.get(streamId);
        return request == null
                ? super.onDataRead(ctx, streamId, data, padding, endOfStream)
                : padding + request.data(data, endOfStream);
    }

    private final class Closings extends Http2ConnectionAdapter {
        @Override
        public void onStreamClosed(Http2Stream stream) {
            Http2Request closed = open.isEmpty() ? null : open.remove(stream.id());
            if (closed != null) {
                closed.closed();
            }
        }
    }
}
