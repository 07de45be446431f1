package io.lattice.gateway.http;

import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One request of HTTP, and its answer: either one [#reply], or [#begin], any number of [#chunk] and [#end]. Its body is
/// complete, or comes in pieces while the answer is under way.
///
/// Answers may come from any thread, one after the other; what comes after the client has gone is dropped. The rest belongs to
/// the connection's event loop.
final class HttpExchange {
    private static final Logger LOG = LoggerFactory.getLogger(HttpExchange.class);
    private static final byte[] NOTHING = {};

    private final HttpStream stream;
    private final HttpMethod method;
    private final String path;
    private final Map<String, List<String>> query;
    private final HttpHeaders headers;
    private final boolean inPieces;
    private byte[] body;
    private Watcher watcher = new Watcher() {};

    /// Parts of the answer that wait in the loop's queue: a further one may not overtake them.
    private final AtomicInteger queued = new AtomicInteger();

    /// Told about the client while the answer is under way, on the event loop.
    interface Watcher {
        /// The client takes data again.
        default void writable() {}

        /// A piece of the body that was asked for. It is valid during the call.
        default void piece(ByteBuf piece) {}

        /// The body is complete. Comes unasked, and not while there are pieces left.
        default void bodyEnd() {}

        /// The client has gone before the end of the answer.
        default void gone() {}
    }

    private HttpExchange(
            HttpStream stream,
            HttpMethod method,
            QueryStringDecoder target,
            HttpHeaders headers,
            boolean inPieces,
            byte[] body) {
        this.stream = stream;
        this.method = method;
        this.path = target.path();
        this.query = target.parameters();
        this.headers = headers;
        this.inPieces = inPieces;
        this.body = body;
    }

    /// A request whose body is there.
    ///
    /// @throws IllegalArgumentException if the target has a broken escape
    static HttpExchange complete(
            HttpStream stream, HttpMethod method, String uri, HttpHeaders headers, byte[] body) {
        return new HttpExchange(stream, method, new QueryStringDecoder(uri), headers, false, body);
    }

    /// A request whose head is there.
    ///
    /// @throws IllegalArgumentException if the target has a broken escape
    static HttpExchange inPieces(
            HttpStream stream, HttpMethod method, String uri, HttpHeaders headers) {
        return new HttpExchange(
                stream, method, new QueryStringDecoder(uri), headers, true, NOTHING);
    }

    HttpStream stream() {
        return stream;
    }

    HttpMethod method() {
        return method;
    }

    /// Decoded, without the query.
    String path() {
        return path;
    }

    Map<String, List<String>> query() {
        return query;
    }

    HttpHeaders headers() {
        return headers;
    }

    /// Whether the body comes to the watcher, a piece for each [#more].
    boolean isInPieces() {
        return inPieces;
    }

    /// The body, once: a call that lasts doesn't keep it.
    byte[] takeBody() {
        byte[] taken = body;
        body = NOTHING;
        return taken;
    }

    void watch(Watcher watcher) {
        this.watcher = watcher;
    }

    Watcher watcher() {
        return watcher;
    }

    /// Asks for the next piece of the body.
    void more() {
        stream.more(this);
    }

    void reply(HttpReply reply) {
        run(() -> stream.reply(this, reply));
    }

    void begin(HttpResponseStatus status, String contentType) {
        run(() -> stream.begin(this, status, contentType));
    }

    void chunk(byte[] bytes) {
        run(() -> stream.chunk(this, bytes));
    }

    void end() {
        run(() -> stream.end(this));
    }

    /// Through the loop's queue when outside of it, or behind what is there already.
    private void run(Runnable part) {
        if (queued.get() == 0 && stream.loop().inEventLoop()) {
            part.run();
            return;
        }
        queued.incrementAndGet();
        try {
            stream.loop()
                    .execute(() -> {
                        queued.decrementAndGet();
                        part.run();
                    });
        } catch (RejectedExecutionException e) {
            LOG.debug("an event loop has ended, and its connections with it", e);
        }
    }
}
