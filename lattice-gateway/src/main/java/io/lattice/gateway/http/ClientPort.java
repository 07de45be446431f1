package io.lattice.gateway.http;

import io.grpc.Attributes;
import io.grpc.Server;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServerStreamTracer;
import io.grpc.ServerTransportFilter;
import io.grpc.netty.NettyServerBuilder;
import io.lattice.gateway.security.CertificateRequired;
import io.lattice.gateway.security.ClientTls;
import java.io.IOException;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// The client port: gRPC, the JSON gateway and the endpoints for health and version, on one address, with TLS or in plain
/// text. Everything runs on the event loops of grpc-java's listener.
///
/// Whatever stands before the services stands before the JSON gateway too: it gets the same intercepted services.
public final class ClientPort {
    private static final int KEEPALIVE_MIN_SECONDS = 5;

    private final Server server;
    private final Connections connections;

    /// What all connections of the port share.
    static final class Connections {
        private final @Nullable ClientTls tls;
        private final Limits limits;
        private final ConnectionCount count;
        private final Endpoints endpoints;
        private final List<ServerTransportFilter> filters;
        private volatile boolean stopping;

        Connections(
                @Nullable ClientTls tls,
                Limits limits,
                Endpoints endpoints,
                List<ServerTransportFilter> filters) {
            this.tls = tls;
            this.limits = limits;
            this.count = new ConnectionCount(limits.connections());
            this.endpoints = endpoints;
            this.filters = List.copyOf(filters);
        }

        @Nullable ClientTls tls() {
            return tls;
        }

        Limits limits() {
            return limits;
        }

        ConnectionCount count() {
            return count;
        }

        Endpoints endpoints() {
            return endpoints;
        }

        /// What the filters make of a connection's attributes. gRPC does the same for its own.
        Attributes ready(Attributes transport) {
            Attributes settled = transport;
            for (ServerTransportFilter filter : filters) {
                settled = filter.transportReady(settled);
            }
            return settled;
        }

        void terminated(Attributes transport) {
            filters.forEach(filter -> filter.transportTerminated(transport));
        }

        /// Whether connections are to end once their answers are out.
        boolean stopping() {
            return stopping;
        }
    }

    private ClientPort(Server server, Connections connections) {
        this.server = server;
        this.connections = connections;
    }

    /// Opens the port.
    ///
    /// @param tls null for plain text
    /// @param services what is served
    /// @param interceptors before all services, the first one first; a check of the client's certificate comes before them
    /// @param filters of connections, whichever protocol they speak; asked twice about one that has calls of gRPC and other
    ///     requests
    /// @param tracers is told of every call, of gRPC and of the JSON gateway
    /// @param health answers for the node
    /// @throws IOException if the address can't be used
    public static ClientPort start(
            SocketAddress address,
            @Nullable ClientTls tls,
            Limits limits,
            List<ServerServiceDefinition> services,
            List<ServerInterceptor> interceptors,
            List<ServerTransportFilter> filters,
            ServerStreamTracer.Factory tracers,
            NodeHealth health)
            throws IOException {
        List<ServerInterceptor> before = new ArrayList<>();
        if (tls != null) {
            before.add(new CertificateRequired());
        }
        before.addAll(interceptors);
        List<ServerServiceDefinition> guarded =
                services.stream()
                        .map(service -> ServerInterceptors.interceptForward(service, before))
                        .toList();
        Endpoints endpoints =
                new Endpoints(new HealthEndpoints(health), new JsonGateway(guarded, tracers));
        Connections connections = new Connections(tls, limits, endpoints, filters);
        NettyServerBuilder builder =
                NettyServerBuilder.forAddress(address)
                        .directExecutor()
                        .addStreamTracerFactory(tracers)
                        // A window of its own: by default grpc measures the bandwidth, with a ping
                        // for nearly every request.
                        .flowControlWindow(Limits.FLOW_CONTROL_WINDOW_BYTES)
                        .maxInboundMessageSize(limits.messageBytes())
                        .maxInboundMetadataSize(Limits.HEAD_BYTES_MAX)
                        .maxConcurrentCallsPerConnection(Limits.CALLS_PER_CONNECTION_MAX)
                        .maxRstFramesPerWindow(
                                Limits.RESETS_PER_WINDOW_MAX, Limits.RESET_WINDOW_SECONDS)
                        .handshakeTimeout(limits.handshake().toMillis(), TimeUnit.MILLISECONDS)
                        .maxConnectionIdle(limits.idle().toMillis(), TimeUnit.MILLISECONDS)
                        .permitKeepAliveTime(KEEPALIVE_MIN_SECONDS, TimeUnit.SECONDS)
                        .permitKeepAliveWithoutCalls(true)
                        .addServices(guarded);
        filters.forEach(builder::addTransportFilter);
        GrpcTransport.install(builder, tls != null, grpc -> new Entrance(connections, grpc));
        return new ClientPort(builder.build().start(), connections);
    }

    /// Where it listens.
    public int port() {
        return server.getPort();
    }

    /// Connections that are open, of all protocols.
    public int openConnections() {
        return connections.count().open();
    }

    /// Takes no new connections and calls; those under way go on.
    public void shutdown() {
        connections.stopping = true;
        server.shutdown();
    }

    /// Waits for what is under way after [#shutdown], and cuts off what isn't done in time.
    ///
    /// @return false if something was cut off
    public boolean drain(Duration time) throws InterruptedException {
        if (server.awaitTermination(time.toNanos(), TimeUnit.NANOSECONDS)) {
            return true;
        }
        server.shutdownNow();
        return false;
    }
}
