package io.lattice.gateway.http;

import io.netty.handler.codec.http.HttpResponseStatus;
import java.util.function.Consumer;

/// Which part of the port answers a request of HTTP/1.1.
record Endpoints(HealthEndpoints health, JsonGateway gateway) implements Consumer<HttpExchange> {
    private static final HttpReply UNKNOWN =
            HttpReply.text(HttpResponseStatus.NOT_FOUND, "404 page not found\n");

    @Override
    public void accept(HttpExchange exchange) {
        if (!gateway.serve(exchange) && !health.serve(exchange)) {
            exchange.reply(UNKNOWN);
        }
    }
}
