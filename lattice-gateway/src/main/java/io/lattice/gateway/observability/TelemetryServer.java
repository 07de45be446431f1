package io.lattice.gateway.observability;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A small HTTP server for pages that are made when asked for, one at a time. Each connection's request has a virtual thread, since
/// the JDK's server waits in it for a client that is slow to ask or to read; there are at most so many connections, and who is
/// slow is cut off. So nobody can hold the node up or use up its memory here.
final class TelemetryServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TelemetryServer.class);
    private static final int CONNECTIONS_MAX = 64;

    /// For a request to arrive, and again for its answer to be taken.
    private static final int EXCHANGE_SECONDS_MAX = 10;

    private static final int IDLE_SECONDS_MAX = 30;

    static {
        // The JDK's server takes its limits from here only, when its class is loaded. An
        // operator's setting wins.
        limit("sun.net.httpserver.maxReqTime", EXCHANGE_SECONDS_MAX);
        limit("sun.net.httpserver.maxRspTime", EXCHANGE_SECONDS_MAX);
        limit("sun.net.httpserver.idleInterval", IDLE_SECONDS_MAX);
        limit("jdk.httpserver.maxConnections", CONNECTIONS_MAX);
    }

    private final HttpServer server;
    private final ExecutorService threads;
    private final ReentrantLock making = new ReentrantLock();
    private final Map<String, Page> pages;

    /// What is answered at one path.
    ///
    /// @param text made for each request
    record Page(String contentType, Supplier<String> text) {}

    private TelemetryServer(InetSocketAddress address, Map<String, Page> pages) throws IOException {
        this.pages = Map.copyOf(pages);
        this.threads =
                Executors.newThreadPerTaskExecutor(
                        Thread.ofVirtual().name("lattice-telemetry-", 0).factory());
        this.server = HttpServer.create(address, 0);
        server.setExecutor(threads);
        server.createContext("/", this::serve);
    }

    /// Binds and serves.
    ///
    /// @param pages by path
    static TelemetryServer start(InetSocketAddress address, Map<String, Page> pages)
            throws IOException {
        TelemetryServer started;
        try {
            started = new TelemetryServer(address, pages);
        } catch (IOException e) {
            throw new IOException(
                    "the metrics port %s can't be bound: %s".formatted(address, e.getMessage()), e);
        }
        started.server.start();
        return started;
    }

    private static void limit(String property, int value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, Integer.toString(value));
        }
    }

    int port() {
        return server.getAddress().getPort();
    }

    private void serve(HttpExchange exchange) throws IOException {
        try (exchange) {
            Page page = pages.get(exchange.getRequestURI().getPath());
            String method = exchange.getRequestMethod();
            boolean head = method.equals("HEAD");
            if (!head && !method.equals("GET")) {
                exchange.getResponseHeaders().set("Allow", "GET, HEAD");
                answer(exchange, 405, "text/plain; charset=utf-8", "only GET is allowed\n", false);
            } else if (page == null) {
                answer(exchange, 404, "text/plain; charset=utf-8", "no such page\n", head);
            } else {
                answer(exchange, page, head);
            }
        }
    }

    private void answer(HttpExchange exchange, Page page, boolean head) throws IOException {
        String text;
        try {
            text = make(page);
        } catch (RuntimeException e) {
            LOG.warn("{} can't be made", exchange.getRequestURI(), e);
            answer(exchange, 500, "text/plain; charset=utf-8", "this page can't be made\n", head);
            return;
        }
        answer(exchange, 200, page.contentType(), text, head);
    }

    private String make(Page page) {
        making.lock();
        try {
            return page.text().get();
        } finally {
            making.unlock();
        }
    }

    private static void answer(
            HttpExchange exchange, int status, String contentType, String text, boolean head)
            throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", contentType);
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        exchange.getResponseHeaders().set("X-Content-Type-Options", "nosniff");
        exchange.getResponseHeaders()
                .set(
                        "Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; frame-ancestors 'none'");
        exchange.sendResponseHeaders(status, head ? -1 : body.length);
        if (!head) {
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(body);
            }
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
