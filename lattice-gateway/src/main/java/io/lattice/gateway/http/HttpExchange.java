package io.lattice.gateway.http;

import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One request of HTTP/1.1, complete with its body, and its answer: either one [#reply], or [#begin], any number of [#chunk]
/// and [#end]. Answers may come from any thread, one after the other; what comes after the client has gone is dropped. The
/// rest belongs to the connection's event loop.
final class HttpExchange {
    private static final Logger LOG = LoggerFactory.getLogger(HttpExchange.class);

    private final HttpConnection connection;
    private final HttpMethod method;
    private final String path;
    private final Map<String, List<String>> query;
    private final HttpHeaders headers;
    private final byte[] body;
    private Watcher watcher = new Watcher() {};

    /// Told about the client while the answer is under way, on the event loop.
    interface Watcher {
        /// The client takes data again.
        default void writable() {}

        /// The client has gone before the end of the answer.
        default void gone() {}
    }

    /// @throws IllegalArgumentException if the target has a broken escape
    HttpExchange(
            HttpConnection connection,
            HttpMethod method,
            String uri,
            HttpHeaders headers,
            byte[] body) {
        this.connection = connection;
        this.method = method;
        QueryStringDecoder target = new QueryStringDecoder(uri);
        this.path = target.path();
        this.query = target.parameters();
        this.headers = headers;
        this.body = body;
    }

    HttpConnection connection() {
        return connection;
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

    byte[] body() {
        return body;
    }

    void watch(Watcher watcher) {
        this.watcher = watcher;
    }

    Watcher watcher() {
        return watcher;
    }

    void reply(HttpReply reply) {
        run(() -> connection.reply(this, reply));
    }

    void begin(HttpResponseStatus status, String contentType) {
        run(() -> connection.begin(this, status, contentType));
    }

    void chunk(byte[] bytes) {
        run(() -> connection.chunk(this, bytes));
    }

    void end() {
        run(() -> connection.end(this));
    }

    /// Always through the loop's queue when outside of it, so that answers keep their order.
    private void run(Runnable part) {
        if (connection.loop().inEventLoop()) {
            part.run();
            return;
        }
        try {
            connection.loop().execute(part);
        } catch (RejectedExecutionException e) {
            LOG.debug("an event loop has ended, and its connections with it", e);
        }
    }
}
