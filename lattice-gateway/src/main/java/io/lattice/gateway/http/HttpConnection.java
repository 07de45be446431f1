package io.lattice.gateway.http;

import io.grpc.Attributes;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPromise;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A connection that speaks HTTP/1.1: puts requests together, one at a time and each within its time and size, hands them to
/// the port's endpoints and writes their answers. An endpoint that takes the body in pieces gets the request with its head,
/// and each piece when it asks.
///
/// Belongs to the connection's event loop. While an answer is under way at most one piece of the next request is read, which is
/// enough to see the client go.
final class HttpConnection extends ChannelDuplexHandler implements HttpStream {
    private static final Logger LOG = LoggerFactory.getLogger(HttpConnection.class);

    private final ClientPort.Connections port;
    private final Attributes attributes;
    private final Channel channel;
    private final RequestBody body;

    /// Read, and not looked at yet.
    private final Queue<HttpObject> ahead = new ArrayDeque<>();

    private @Nullable ChannelHandlerContext added;
    private @Nullable HttpRequest head;
    private @Nullable HttpExchange exchange;
    private @Nullable Future<?> deadline;
    private boolean keepAlive;
    private boolean idle;
    private boolean closing;

    /// A task that takes the next of what was read is under way.
    private boolean taking;

    /// Something that never became a request was answered: the rest of it is thrown away.
    private boolean refused;

    /// The client doesn't take its answers: the next request waits.
    private boolean stalled;

    /// The body of a request that is answered from its head on isn't complete. Without an exchange the rest is thrown away.
    private boolean inPieces;

    /// The exchange has asked for a piece.
    private boolean asked;

    private HttpConnection(ClientPort.Connections port, Channel channel, Attributes attributes) {
        this.port = port;
        this.channel = channel;
        this.attributes = attributes;
        this.body = new RequestBody(channel.alloc());
    }

    /// Ends the entrance: puts HTTP/1.1 into its place, and what the entrance has read goes there.
    static void install(
            ChannelHandlerContext entrance,
            ClientPort.Connections port,
            @Nullable SSLSession session) {
        Channel channel = entrance.channel();
        GrpcTransport.release(channel);
        // Before the handlers are there: they ask for each piece.
        channel.config().setAutoRead(false);
        HttpConnection connection =
                new HttpConnection(
                        port, channel, port.ready(GrpcTransport.attributes(channel, session)));
        channel.closeFuture().addListener(closed -> port.terminated(connection.attributes));
        String name = entrance.name();
        ChannelPipeline pipeline = entrance.pipeline();
        pipeline.addAfter(name, null, connection);
        pipeline.addAfter(
                name,
                null,
                new HttpServerCodec(
                        new HttpDecoderConfig()
                                .setMaxInitialLineLength(Limits.HEAD_BYTES_MAX)
                                .setMaxHeaderSize(Limits.HEAD_BYTES_MAX)));
        pipeline.addAfter(name, null, connection.new FirstBytes());
        connection.closeAfter(port.limits().handshake());
        pipeline.remove(entrance.handler());
        connection.read();
    }

    @Override
    public EventLoop loop() {
        return channel.eventLoop();
    }

    @Override
    public Limits limits() {
        return port.limits();
    }

    @Override
    public Attributes attributes() {
        return attributes;
    }

    @Override
    public boolean isWritable() {
        return channel.isWritable();
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        added = ctx;
    }

    private ChannelHandlerContext ctx() {
        return Objects.requireNonNull(added, "used before it was added");
    }

    /// Has the channel read once more; asking twice asks once.
    private void read() {
        ctx().read();
    }

    /// Goes on with what was read already, or reads.
    private void readOn() {
        if (ahead.isEmpty()) {
            read();
        } else if (!taking) {
            taking = true;
            // Later: a client that sends many requests at once must not deepen the stack.
            loop().execute(this::takeAhead);
        }
    }

    private void takeAhead() {
        taking = false;
        HttpObject piece = ahead.poll();
        if (piece != null) {
            take(piece);
        }
    }

    private void closeAfter(Duration time) {
        if (deadline != null) {
            deadline.cancel(false);
        }
        deadline =
                loop().schedule(
                                () -> {
                                    LOG.debug("too slow or idle: closing {}", channel);
                                    var _ = ctx().close();
                                },
                                time.toNanos(),
                                TimeUnit.NANOSECONDS);
    }

    private void noDeadline() {
        if (deadline != null) {
            deadline.cancel(false);
            deadline = null;
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (!(message instanceof HttpObject piece)) {
            ReferenceCountUtil.release(message);
            return;
        }
        if (refused) {
            ReferenceCountUtil.release(piece);
            read();
        } else if (mustWait()) {
            // One read brings several pieces.
            ahead.add(piece);
        } else {
            take(piece);
        }
    }

    private boolean mustWait() {
        boolean wanted = exchange == null || (inPieces && asked);
        return !wanted || stalled || taking || !ahead.isEmpty();
    }

    private void take(HttpObject piece) {
        try {
            if (refused) {
                readOn();
                return;
            }
            if (piece.decoderResult().isFailure()) {
                unreadable(piece.decoderResult().cause());
                return;
            }
            if (inPieces && piece instanceof HttpContent content) {
                pass(content);
                return;
            }
            if (piece instanceof HttpRequest request) {
                begin(request);
            }
            if (piece instanceof HttpContent content && head != null) {
                add(content.content());
            }
            if (piece instanceof LastHttpContent && head != null) {
                dispatch(head);
            } else if (exchange == null) {
                readOn();
            }
        } finally {
            ReferenceCountUtil.release(piece);
        }
    }

    private void unreadable(Throwable cause) {
        if (inPieces) {
            // Where the body ends can't be known any more.
            LOG.debug("closing {}", channel, cause);
            var _ = ctx().close();
        } else {
            refuse(HttpReply.unreadable(cause));
        }
    }

    private void begin(HttpRequest request) {
        idle = false;
        keepAlive = HttpUtil.isKeepAlive(request);
        boolean early;
        try {
            early = port.endpoints().takesPieces(request.method(), request.uri());
        } catch (IllegalArgumentException e) {
            refuse(HttpReply.unreadable(e));
            return;
        }
        if (!early && HttpUtil.getContentLength(request, 0L) > port.limits().bodyBytes()) {
            refuse(RequestBody.tooLarge(port.limits().bodyBytes()));
            return;
        }
        if (HttpUtil.is100ContinueExpected(request)) {
            var _ =
                    ctx().writeAndFlush(
                                    new DefaultFullHttpResponse(
                                            HttpVersion.HTTP_1_1,
                                            HttpResponseStatus.CONTINUE,
                                            Unpooled.EMPTY_BUFFER));
        }
        if (early) {
            noDeadline();
            inPieces = true;
            asked = false;
            exchange =
                    HttpExchange.inPieces(this, request.method(), request.uri(), request.headers());
            port.endpoints().serve(exchange);
        } else {
            head = request;
            closeAfter(port.limits().body());
        }
    }

    private void add(ByteBuf content) {
        if (body.size() + content.readableBytes() > port.limits().bodyBytes()) {
            refuse(RequestBody.tooLarge(port.limits().bodyBytes()));
            return;
        }
        body.add(content);
    }

    /// A piece of the body of a request that is answered already.
    private void pass(HttpContent content) {
        HttpExchange current = exchange;
        boolean last = content instanceof LastHttpContent;
        inPieces = !last;
        if (current == null) {
            if (last) {
                ready();
            } else {
                readOn();
            }
            return;
        }
        if (content.content().isReadable()) {
            asked = false;
            current.watcher().piece(content.content());
        }
        if (last) {
            current.watcher().bodyEnd();
            if (current == exchange && ahead.isEmpty()) {
                // So that the client's going away shows.
                read();
            }
        } else if (asked) {
            readOn();
        }
    }

    @Override
    public void more(HttpExchange asking) {
        if (asking == exchange && inPieces && !asked) {
            asked = true;
            readOn();
        }
    }

    /// Answers something that never became a request. The client is to close: closing at once would reset a connection whose
    /// client still sends, and could take the answer away from it.
    private void refuse(HttpReply reply) {
        head = null;
        closing = true;
        refused = true;
        FullHttpResponse response = reply.inHttp1();
        response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        var _ = ctx().writeAndFlush(response);
        closeAfter(port.limits().handshake());
        read();
    }

    private void dispatch(HttpRequest request) {
        head = null;
        noDeadline();
        HttpExchange begun;
        try {
            begun =
                    HttpExchange.complete(
                            this, request.method(), request.uri(), request.headers(), body.take());
        } catch (IllegalArgumentException e) {
            refuse(HttpReply.unreadable(e));
            return;
        }
        exchange = begun;
        if (ahead.isEmpty()) {
            // So that the client's going away shows.
            read();
        }
        port.endpoints().serve(begun);
    }

    @Override
    public void reply(HttpExchange answered, HttpReply reply) {
        if (answered != exchange) {
            return;
        }
        FullHttpResponse response = reply.inHttp1();
        HttpUtil.setKeepAlive(response, stays());
        var _ = ctx().writeAndFlush(response);
        next();
    }

    @Override
    public void begin(HttpExchange answered, HttpResponseStatus status, String contentType) {
        if (answered != exchange) {
            return;
        }
        HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, status);
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, contentType)
                .set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
        HttpUtil.setKeepAlive(response, stays());
        var _ = ctx().write(response);
    }

    @Override
    public void chunk(HttpExchange answered, byte[] bytes) {
        if (answered == exchange) {
            var _ = ctx().writeAndFlush(new DefaultHttpContent(Unpooled.wrappedBuffer(bytes)));
        }
    }

    @Override
    public void end(HttpExchange answered) {
        if (answered == exchange) {
            var _ = ctx().writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT);
            next();
        }
    }

    private boolean stays() {
        return keepAlive && !closing && !port.stopping();
    }

    private void next() {
        exchange = null;
        if (inPieces) {
            // What the client still sends isn't a request.
            closeAfter(port.limits().handshake());
            readOn();
            return;
        }
        ready();
    }

    /// For the next request.
    private void ready() {
        if (!stays()) {
            closing = true;
            ctx().writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
            return;
        }
        idle = true;
        closeAfter(port.limits().idle());
        stalled = !channel.isWritable();
        if (!stalled) {
            readOn();
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (exchange != null && channel.isWritable()) {
            exchange.watcher().writable();
        } else if (stalled && channel.isWritable()) {
            stalled = false;
            readOn();
        }
        ctx.fireChannelWritabilityChanged();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        noDeadline();
        ahead.forEach(ReferenceCountUtil::release);
        ahead.clear();
        body.release();
        HttpExchange left = exchange;
        exchange = null;
        if (left != null) {
            left.watcher().gone();
        }
        ctx.fireChannelInactive();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        LOG.debug("closing {}", channel, cause);
        var _ = ctx.close();
    }

    /// Only gRPC's listener writes by the channel: commands for the HTTP/2 that isn't here, from its handshake timeout and
    /// at the end of a shutdown.
    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
        ReferenceCountUtil.release(message);
        promise.trySuccess();
        if (port.stopping()) {
            var _ = ctx.close();
        }
    }

    /// Only gRPC's listener closes by the channel, at a shutdown: an answer that is under way is finished.
    @Override
    public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
        if (exchange == null) {
            var _ = ctx.close(promise);
            return;
        }
        closing = true;
        channel.closeFuture().addListener(closed -> promise.trySuccess());
    }

    /// Before the codec, which shows a request only when its head is complete: a head that has begun has to end in time.
    private final class FirstBytes extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            if (idle) {
                idle = false;
                closeAfter(port.limits().handshake());
            }
            ctx.fireChannelRead(message);
        }
    }
}
