package io.lattice.gateway.http;

import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.QueryStringDecoder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Which part of the port answers a request of HTTP that isn't gRPC's.
record Endpoints(HealthEndpoints health, JsonGateway gateway) {
    private static final Logger LOG = LoggerFactory.getLogger(Endpoints.class);

    private static final HttpReply UNKNOWN =
            HttpReply.text(HttpResponseStatus.NOT_FOUND, "404 page not found\n");
    private static final HttpReply FAILED =
            HttpReply.text(HttpResponseStatus.INTERNAL_SERVER_ERROR, "Internal Server Error\n");

    /// Whether the request is to be served from its head on, and its body in pieces.
    ///
    /// @throws IllegalArgumentException if the target has a broken escape
    boolean takesPieces(HttpMethod method, String uri) {
        return HttpMethod.POST.equals(method)
                && gateway.streamsRequests(new QueryStringDecoder(uri).path());
    }

    /// Answers, now or later.
    void serve(HttpExchange exchange) {
        try {
            if (!gateway.serve(exchange) && !health.serve(exchange)) {
                exchange.reply(UNKNOWN);
            }
        } catch (RuntimeException e) {
            LOG.error("{} {} failed unexpectedly", exchange.method(), exchange.path(), e);
            exchange.reply(FAILED);
        }
    }
}
