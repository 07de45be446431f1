package io.lattice.gateway.http;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.Http2DataFrame;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2ResetFrame;
import io.netty.handler.codec.http2.Http2StreamChannel;
import io.netty.handler.codec.http2.Http2StreamChannelBootstrap;
import io.netty.handler.codec.http2.Http2StreamFrame;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/// One connection of HTTP/2 with prior knowledge, in plain text, whose streams a test opens and follows one by one.
final class Http2Client implements AutoCloseable {
    private static final int SECONDS_MAX = 20;

    private final EventLoopGroup loop =
            new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final Channel connection;

    Http2Client(int port) throws InterruptedException {
        connection =
                new Bootstrap()
                        .group(loop)
                        .channel(NioSocketChannel.class)
                        .handler(
                                new ChannelInitializer<SocketChannel>() {
                                    @Override
                                    protected void initChannel(SocketChannel channel) {
                                        channel.pipeline()
                                                .addLast(
                                                        Http2FrameCodecBuilder.forClient().build(),
                                                        new Http2MultiplexHandler(
                                                                new ChannelInboundHandlerAdapter()));
                                    }
                                })
                        .connect("127.0.0.1", port)
                        .sync()
                        .channel();
    }

    boolean isOpen() {
        return connection.isOpen();
    }

    static Http2Headers head(String method, String path) {
        return new DefaultHttp2Headers()
                .method(method)
                .path(path)
                .scheme("http")
                .authority("localhost");
    }

    /// Opens a stream and sends its head.
    Stream open(Http2Headers head, boolean end) throws InterruptedException {
        Stream stream = new Stream();
        stream.channel =
                new Http2StreamChannelBootstrap(connection).handler(stream).open().sync().getNow();
        stream.channel.writeAndFlush(new DefaultHttp2HeadersFrame(head, end)).sync();
        return stream;
    }

    Stream get(String path) throws InterruptedException {
        return open(head("GET", path), true);
    }

    Stream post(String path, String body) throws InterruptedException {
        Stream stream = open(head("POST", path), false);
        stream.send(body.getBytes(StandardCharsets.UTF_8), true);
        return stream;
    }

    @Override
    public void close() throws InterruptedException {
        connection.close().sync();
        loop.shutdownGracefully(0, SECONDS_MAX, TimeUnit.SECONDS);
    }

    /// What came of one request.
    static final class Stream extends SimpleChannelInboundHandler<Http2StreamFrame> {
        private final CompletableFuture<Http2Headers> head = new CompletableFuture<>();
        private final CompletableFuture<Http2Headers> trailers = new CompletableFuture<>();
        private final CompletableFuture<Long> end = new CompletableFuture<>();
        private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
        private final StringBuffer text = new StringBuffer();
        private Http2StreamChannel channel;
        private final AtomicInteger unsent = new AtomicInteger();
        private int cut;

        void send(byte[] bytes, boolean last) {
            unsent.incrementAndGet();
            channel.writeAndFlush(new DefaultHttp2DataFrame(Unpooled.wrappedBuffer(bytes), last))
                    .addListener(sent -> unsent.decrementAndGet());
        }

        /// Whether the server's window took everything.
        boolean sentAll() {
            return unsent.get() == 0;
        }

        void send(String bytes) {
            send(bytes.getBytes(StandardCharsets.UTF_8), false);
        }

        /// Resets it.
        void cancel() throws InterruptedException {
            channel.close().sync();
        }

        String status() throws Exception {
            return head.get(SECONDS_MAX, TimeUnit.SECONDS).status().toString();
        }

        String header(String name) throws Exception {
            return String.valueOf(head.get(SECONDS_MAX, TimeUnit.SECONDS).get(name));
        }

        String trailer(String name) throws Exception {
            return String.valueOf(trailers.get(SECONDS_MAX, TimeUnit.SECONDS).get(name));
        }

        /// The body, once it is complete.
        String body() throws Exception {
            assert resetWith() == 0;
            return text.toString();
        }

        /// The error that the server reset it with once it has ended, 0 for none.
        long resetWith() throws Exception {
            return end.get(SECONDS_MAX, TimeUnit.SECONDS);
        }

        boolean hasEnded() {
            return end.isDone();
        }

        /// The next line of a body that goes on, or null if none comes for a long time.
        String line() throws InterruptedException {
            return lines.poll(SECONDS_MAX, TimeUnit.SECONDS);
        }

        boolean hasLine() {
            return !lines.isEmpty();
        }

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, Http2StreamFrame frame) {
            switch (frame) {
                case Http2HeadersFrame headers -> {
                    if (!head.complete(headers.headers())) {
                        trailers.complete(headers.headers());
                    }
                    ended(headers.isEndStream());
                }
                case Http2DataFrame data -> {
                    text.append(data.content().toString(StandardCharsets.ISO_8859_1));
                    for (int at = text.indexOf("\n", cut); at >= 0; at = text.indexOf("\n", cut)) {
                        lines.add(text.substring(cut, at));
                        cut = at + 1;
                    }
                    ended(data.isEndStream());
                }
                default -> {
                    // Frames of flow control.
                }
            }
        }

        private void ended(boolean last) {
            if (last) {
                end.complete(0L);
            }
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) throws Exception {
            if (event instanceof Http2ResetFrame reset) {
                end.complete(reset.errorCode());
            }
            super.userEventTriggered(ctx, event);
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) throws Exception {
            end.complete(-1L);
            super.channelInactive(ctx);
        }
    }
}
