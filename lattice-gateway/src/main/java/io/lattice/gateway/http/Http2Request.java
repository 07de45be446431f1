package io.lattice.gateway.http;

import io.grpc.Attributes;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Stream;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A stream of HTTP/2 with a request for the port's endpoints. A stream that misbehaves is reset, and others of its connection
/// stay. Belongs to the connection's event loop.
///
/// Of a body that is taken in pieces no more is kept than HTTP/2's window for the stream.
final class Http2Request implements HttpStream {
    private static final Logger LOG = LoggerFactory.getLogger(Http2Request.class);

    /// Of the answer, on their way: beyond it the client doesn't take data. The same as gRPC's.
    private static final int UNSENT_BYTES_MAX = 32 << 10;

    private final Http2Requests requests;
    private final ChannelHandlerContext ctx;
    private final Http2Stream stream;
    private final HttpMethod method;
    private final String uri;
    private final Attributes attributes;
    private final RequestBody body;
    private final HttpHeaders headers;
    private @Nullable HttpExchange exchange;
    private @Nullable Future<?> deadline;
    private boolean inPieces;
    private boolean asked;

    /// The client has sent everything.
    private boolean complete;

    /// The exchange has been told of that.
    private boolean endTold;

    /// Was answered and never became an exchange.
    private boolean refused;

    private boolean gone;

    /// Changed on the event loop only.
    private volatile int unsentBytes;

    /// @throws IllegalArgumentException if the head isn't one that HTTP/1.1 could have
    Http2Request(
            Http2Requests requests,
            ChannelHandlerContext ctx,
            Http2Stream stream,
            Http2Headers head) {
        this.requests = requests;
        this.ctx = ctx;
        this.stream = stream;
        this.method = HttpMethod.valueOf(head.method().toString());
        this.uri = head.path().toString();
        this.attributes = requests.attributes(ctx);
        this.body = new RequestBody(ctx.alloc());
        this.headers = headers(head);
    }

    private static HttpHeaders headers(Http2Headers head) {
        HttpHeaders headers = new DefaultHttpHeaders();
        for (Map.Entry<CharSequence, CharSequence> header : head) {
            String name = header.getKey().toString();
            if (!name.startsWith(":")) {
                headers.add(name, header.getValue().toString());
            }
        }
        if (headers.contains(HttpHeaderNames.CONNECTION)) {
            throw new IllegalArgumentException("a header of HTTP/1.1's connections");
        }
        if (head.authority() != null) {
            headers.set(HttpHeaderNames.HOST, head.authority().toString());
        }
        return headers;
    }

    @Override
    public EventLoop loop() {
        return ctx.channel().eventLoop();
    }

    @Override
    public Limits limits() {
        return requests.port().limits();
    }

    @Override
    public Attributes attributes() {
        return attributes;
    }

    @Override
    public boolean isWritable() {
        return unsentBytes < UNSENT_BYTES_MAX;
    }

    /// The head is there.
    void begin(boolean end) {
        complete = end;
        try {
            inPieces = requests.port().endpoints().takesPieces(method, uri);
        } catch (IllegalArgumentException e) {
            refuse(HttpReply.unreadable(e));
            return;
        }
        if (!end && headers.containsValue(HttpHeaderNames.EXPECT, "100-continue", true)) {
            Http2Headers goOn =
                    new DefaultHttp2Headers().status(HttpResponseStatus.CONTINUE.codeAsText());
            var _ =
                    watched(
                            requests.http2()
                                    .encoder()
                                    .writeHeaders(
                                            ctx, stream.id(), goOn, 0, false, ctx.newPromise()));
        }
        if (inPieces) {
            exchange = HttpExchange.inPieces(this, method, uri, headers);
            requests.port().endpoints().serve(exchange);
        } else if (end) {
            serve();
        } else {
            deadline =
                    loop().schedule(
                                    () -> reset(Http2Error.CANCEL),
                                    limits().body().toNanos(),
                                    TimeUnit.NANOSECONDS);
        }
    }

    /// Takes what comes of the body.
    ///
    /// @return how many of the bytes were taken; the others count against the stream's window until they are
    int data(ByteBuf data, boolean end) {
        int length = data.readableBytes();
        complete = end;
        if (!inPieces) {
            add(data);
        } else if (exchange != null && !gone) {
            if (asked && body.size() == 0) {
                pass(data);
            } else {
                body.add(data);
                length = 0;
            }
        }
        if (end) {
            bodyEnd();
        }
        return length;
    }

    private void add(ByteBuf data) {
        int length = data.readableBytes();
        if (refused || gone || length == 0) {
            return;
        }
        if (body.size() + length > limits().bodyBytes()) {
            refuse(RequestBody.tooLarge(limits().bodyBytes()));
        } else if (!requests.keep(length)) {
            requests.keep(-length);
            reset(Http2Error.ENHANCE_YOUR_CALM);
        } else {
            body.add(data);
        }
    }

    private void pass(ByteBuf piece) {
        HttpExchange current = exchange;
        if (current != null && piece.isReadable()) {
            asked = false;
            current.watcher().piece(piece);
        }
    }

    @Override
    public void more(HttpExchange asking) {
        if (asking != exchange || !inPieces) {
            return;
        }
        asked = true;
        if (body.size() > 0) {
            byte[] piece = body.take();
            pass(Unpooled.wrappedBuffer(piece));
            taken(piece.length);
        }
        passEnd();
    }

    /// Gives the stream's window back.
    private void taken(int bytes) {
        if (gone) {
            return;
        }
        try {
            if (requests.http2().decoder().flowController().consumeBytes(stream, bytes)) {
                requests.http2().flush(ctx);
            }
        } catch (Http2Exception e) {
            LOG.warn("the window of a stream of {} can't be given back", ctx.channel(), e);
            reset(Http2Error.INTERNAL_ERROR);
        }
    }

    /// The client sends nothing further.
    void bodyEnd() {
        complete = true;
        if (inPieces) {
            passEnd();
        } else if (!refused && !gone) {
            serve();
        }
    }

    private void passEnd() {
        HttpExchange current = exchange;
        if (complete && !endTold && body.size() == 0 && current != null) {
            endTold = true;
            current.watcher().bodyEnd();
        }
    }

    private void serve() {
        noDeadline();
        requests.keep(-body.size());
        HttpExchange served;
        try {
            served = HttpExchange.complete(this, method, uri, headers, body.take());
        } catch (IllegalArgumentException e) {
            refuse(HttpReply.unreadable(e));
            return;
        }
        exchange = served;
        requests.port().endpoints().serve(served);
    }

    private void noDeadline() {
        if (deadline != null) {
            deadline.cancel(false);
            deadline = null;
        }
    }

    private void freeBody() {
        if (!inPieces) {
            requests.keep(-body.size());
        }
        body.release();
    }

    private void reset(Http2Error error) {
        if (!gone) {
            var _ = requests.http2().resetStream(ctx, stream.id(), error.code(), ctx.newPromise());
            requests.http2().flush(ctx);
        }
    }

    /// Answers something that never became a request; what else comes of it is thrown away.
    private void refuse(HttpReply reply) {
        noDeadline();
        freeBody();
        refused = true;
        write(reply);
    }

    @Override
    public void reply(HttpExchange answered, HttpReply reply) {
        if (answered == exchange) {
            write(reply);
        }
    }

    private void write(HttpReply reply) {
        exchange = null;
        Http2Headers head = new DefaultHttp2Headers().status(reply.status().codeAsText());
        reply.headers().forEach(head::set);
        boolean bare = reply.body().isEmpty() || method.equals(HttpMethod.HEAD);
        ChannelFuture last = head(head, bare);
        if (!bare) {
            last =
                    write(
                            Unpooled.wrappedBuffer(reply.body().asReadOnlyByteBuffer()),
                            reply.body().size(),
                            true);
        }
        finish(last);
    }

    private ChannelFuture head(Http2Headers head, boolean end) {
        return watched(
                requests.http2()
                        .encoder()
                        .writeHeaders(ctx, stream.id(), head, 0, end, ctx.newPromise()));
    }

    private ChannelFuture write(ByteBuf bytes, int length, boolean end) {
        unsent(length);
        ChannelFuture written =
                requests.http2()
                        .encoder()
                        .writeData(ctx, stream.id(), bytes, 0, end, ctx.newPromise());
        written.addListener(done -> unsent(-length));
        return watched(written);
    }

    /// A write fails when the stream has gone, which it is told of by itself.
    private ChannelFuture watched(ChannelFuture written) {
        written.addListener(done -> {
            if (!done.isSuccess()) {
                LOG.debug("not written to {}", ctx.channel(), done.cause());
            }
        });
        return written;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // by the event loop only
    private void unsent(int bytes) {
        boolean full = !isWritable();
        unsentBytes += bytes;
        HttpExchange current = exchange;
        if (full && isWritable() && current != null) {
            current.watcher().writable();
        }
    }

    @Override
    public void begin(HttpExchange answered, HttpResponseStatus status, String contentType) {
        if (answered == exchange) {
            var _ =
                    head(
                            new DefaultHttp2Headers()
                                    .status(status.codeAsText())
                                    .set(HttpHeaderNames.CONTENT_TYPE, contentType),
                            false);
        }
    }

    @Override
    public void chunk(HttpExchange answered, byte[] bytes) {
        if (answered == exchange) {
            var _ = write(Unpooled.wrappedBuffer(bytes), bytes.length, false);
            requests.http2().flush(ctx);
        }
    }

    @Override
    public void end(HttpExchange answered) {
        if (answered == exchange) {
            exchange = null;
            finish(write(Unpooled.EMPTY_BUFFER, 0, true));
        }
    }

    /// The answer is complete: a client that still sends is told that nobody needs it.
    private void finish(ChannelFuture last) {
        last.addListener(written -> {
            if (!complete) {
                reset(Http2Error.NO_ERROR);
            }
        });
        requests.http2().flush(ctx);
    }

    /// The stream has ended, however that came.
    void closed() {
        gone = true;
        noDeadline();
        freeBody();
        HttpExchange left = exchange;
        exchange = null;
        if (left != null) {
            left.watcher().gone();
        }
    }
}
