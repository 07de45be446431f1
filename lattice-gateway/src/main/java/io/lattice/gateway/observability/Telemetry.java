package io.lattice.gateway.observability;

import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.exporter.common.TextFormat;
import io.prometheus.client.hotspot.BufferPoolsExports;
import io.prometheus.client.hotspot.ClassLoadingExports;
import io.prometheus.client.hotspot.GarbageCollectorExports;
import io.prometheus.client.hotspot.MemoryPoolsExports;
import io.prometheus.client.hotspot.StandardExports;
import io.prometheus.client.hotspot.ThreadExports;
import io.prometheus.client.hotspot.VersionInfoExports;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/// The telemetry of one node: its metrics and status view, served on a port of their own while it is open. Any thread.
public final class Telemetry implements AutoCloseable {
    private final CollectorRegistry registry = new CollectorRegistry();
    private final TelemetryServer server;

    /// Begins to serve.
    ///
    /// @param node makes a picture of the node; called for each request, on a thread of the port
    /// @param libraries the dropwizard registries of libraries as they are now
    /// @throws IOException if the address can't be bound
    public static Telemetry serve(
            InetSocketAddress address,
            Supplier<NodeSnapshot> node,
            Instruments instruments,
            Supplier<List<LibraryMetrics>> libraries)
            throws IOException {
        return new Telemetry(address, node, instruments, libraries);
    }

    private Telemetry(
            InetSocketAddress address,
            Supplier<NodeSnapshot> node,
            Instruments instruments,
            Supplier<List<LibraryMetrics>> libraries)
            throws IOException {
        new NodeCollector(node, instruments).register(registry);
        new DropwizardCollector(libraries).register(registry);
        new StandardExports().register(registry);
        new MemoryPoolsExports().register(registry);
        new BufferPoolsExports().register(registry);
        new GarbageCollectorExports().register(registry);
        new ThreadExports().register(registry);
        new ClassLoadingExports().register(registry);
        new VersionInfoExports().register(registry);
        StatusView status = new StatusView(node, instruments.calls());
        String page = StatusView.page();
        this.server =
                TelemetryServer.start(
                        address,
                        Map.of(
                                "/",
                                new TelemetryServer.Page("text/html; charset=utf-8", () -> page),
                                "/status.json",
                                new TelemetryServer.Page("application/json", status::json),
                                "/metrics",
                                new TelemetryServer.Page(
                                        TextFormat.CONTENT_TYPE_004, this::exposition)));
    }

    /// All metrics in Prometheus' text form.
    String exposition() {
        StringWriter text = new StringWriter();
        try {
            TextFormat.write004(text, registry.metricFamilySamples());
        } catch (IOException e) {
            throw new UncheckedIOException("a string can't be written", e);
        }
        return text.toString();
    }

    /// The port that is served.
    public int port() {
        return server.port();
    }

    /// Stops serving at once.
    @Override
    public void close() {
        server.close();
    }
}
