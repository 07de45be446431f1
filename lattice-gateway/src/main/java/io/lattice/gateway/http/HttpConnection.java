package io.lattice.gateway.http;

import io.grpc.Attributes;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
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
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
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
/// the port's endpoints and writes their answers.
///
/// Belongs to the connection's event loop. While an answer is under way at most one piece of the next request is read, which is
/// enough to see the client go.
final class HttpConnection extends ChannelDuplexHandler {
    private static final Logger LOG = LoggerFactory.getLogger(HttpConnection.class);

    private final ClientPort.Connections port;
    private final Attributes attributes;
    private final Channel channel;

    /// Read, and not looked at yet.
    private final Queue<HttpObject> ahead = new ArrayDeque<>();

    private @Nullable ChannelHandlerContext added;
    private @Nullable HttpRequest head;
    private @Nullable ByteBuf body;
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

    private HttpConnection(ClientPort.Connections port, Channel channel, Attributes attributes) {
        this.port = port;
        this.channel = channel;
        this.attributes = attributes;
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

    EventLoop loop() {
        return channel.eventLoop();
    }

    /// Addresses and TLS session, as gRPC's calls have them.
    Attributes attributes() {
        return attributes;
    }

    /// Whether the client takes data. For any thread.
    boolean isWritable() {
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
    private void more() {
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
        } else if (exchange != null || stalled || taking || !ahead.isEmpty()) {
            // One read brings several pieces.
            ahead.add(piece);
        } else {
            take(piece);
        }
    }

    private void take(HttpObject piece) {
        try {
            if (refused) {
                more();
                return;
            }
            if (piece.decoderResult().isFailure()) {
                refuse(unreadable(piece.decoderResult().cause()));
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
            } else {
                more();
            }
        } finally {
            ReferenceCountUtil.release(piece);
        }
    }

    private static HttpReply unreadable(Throwable cause) {
        return switch (cause) {
            case TooLongHttpLineException _ ->
                    HttpReply.text(HttpResponseStatus.REQUEST_URI_TOO_LONG, "URI Too Long\n");
            case TooLongHttpHeaderException _ ->
                    HttpReply.text(
                            HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                            "Request Header Fields Too Large\n");
            default -> HttpReply.text(HttpResponseStatus.BAD_REQUEST, "400 Bad Request\n");
        };
    }

    private void begin(HttpRequest request) {
        head = request;
        idle = false;
        keepAlive = HttpUtil.isKeepAlive(request);
        closeAfter(port.limits().body());
        if (HttpUtil.getContentLength(request, 0L) > port.limits().bodyBytes()) {
            refuse(tooLarge());
        } else if (HttpUtil.is100ContinueExpected(request)) {
            var _ =
                    ctx().writeAndFlush(
                                    new DefaultFullHttpResponse(
                                            HttpVersion.HTTP_1_1,
                                            HttpResponseStatus.CONTINUE,
                                            Unpooled.EMPTY_BUFFER));
        }
    }

    private void add(ByteBuf content) {
        int length = content.readableBytes();
        if (length == 0) {
            return;
        }
        ByteBuf begun = body;
        if (begun == null) {
            begun = ctx().alloc().buffer(length);
            body = begun;
        }
        if (begun.readableBytes() + length > port.limits().bodyBytes()) {
            refuse(tooLarge());
            return;
        }
        begun.writeBytes(content);
    }

    private HttpReply tooLarge() {
        return HttpReply.json(
                HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE,
                "{\"code\":8,\"message\":\"lattice: request body larger than max (%d bytes)\"}"
                        .formatted(port.limits().bodyBytes()));
    }

    /// Answers something that never became a request. The client is to close: closing at once would reset a connection whose
    /// client still sends, and could take the answer away from it.
    private void refuse(HttpReply reply) {
        head = null;
        closing = true;
        refused = true;
        FullHttpResponse response = response(reply);
        response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        var _ = ctx().writeAndFlush(response);
        closeAfter(port.limits().handshake());
        read();
    }

    private void dispatch(HttpRequest request) {
        head = null;
        noDeadline();
        byte[] bytes = body == null ? new byte[0] : ByteBufUtil.getBytes(body);
        freeBody();
        HttpExchange begun;
        try {
            begun =
                    new HttpExchange(
                            this, request.method(), request.uri(), request.headers(), bytes);
        } catch (IllegalArgumentException e) {
            refuse(unreadable(e));
            return;
        }
        exchange = begun;
        if (ahead.isEmpty()) {
            // So that the client's going away shows.
            read();
        }
        try {
            port.endpoints().accept(begun);
        } catch (RuntimeException e) {
            LOG.error("{} {} failed unexpectedly", request.method(), request.uri(), e);
            reply(
                    begun,
                    HttpReply.text(
                            HttpResponseStatus.INTERNAL_SERVER_ERROR, "Internal Server Error\n"));
        }
    }

    private void freeBody() {
        if (body != null) {
            body.release();
            body = null;
        }
    }

    private static FullHttpResponse response(HttpReply reply) {
        FullHttpResponse response =
                new DefaultFullHttpResponse(
                        HttpVersion.HTTP_1_1,
                        reply.status(),
                        Unpooled.wrappedBuffer(reply.body().asReadOnlyByteBuffer()));
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, reply.contentType())
                .set("X-Content-Type-Options", "nosniff")
                .set(HttpHeaderNames.CONTENT_LENGTH, reply.body().size());
        if (reply.status().equals(HttpResponseStatus.METHOD_NOT_ALLOWED)) {
            response.headers().set(HttpHeaderNames.ALLOW, "GET");
        }
        return response;
    }

    void reply(HttpExchange answered, HttpReply reply) {
        if (answered != exchange) {
            return;
        }
        FullHttpResponse response = response(reply);
        HttpUtil.setKeepAlive(response, stays());
        var _ = ctx().writeAndFlush(response);
        next();
    }

    void begin(HttpExchange answered, HttpResponseStatus status, String contentType) {
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

    void chunk(HttpExchange answered, byte[] bytes) {
        if (answered == exchange) {
            var _ = ctx().writeAndFlush(new DefaultHttpContent(Unpooled.wrappedBuffer(bytes)));
        }
    }

    void end(HttpExchange answered) {
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
        if (!stays()) {
            closing = true;
            ctx().writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
            return;
        }
        idle = true;
        closeAfter(port.limits().idle());
        stalled = !channel.isWritable();
        if (!stalled) {
            more();
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (exchange != null && channel.isWritable()) {
            exchange.watcher().writable();
        } else if (stalled && channel.isWritable()) {
            stalled = false;
            more();
        }
        ctx.fireChannelWritabilityChanged();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        noDeadline();
        ahead.forEach(ReferenceCountUtil::release);
        ahead.clear();
        freeBody();
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
