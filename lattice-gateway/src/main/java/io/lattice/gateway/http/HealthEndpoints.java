package io.lattice.gateway.http;

import com.google.gson.JsonObject;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/// `/healthz`, `/readyz`, `/livez`, `/health` and `/version`: open to everybody, GET only. `/livez`, `/health` and `/version`
/// are etcd's, of its `server/etcdserver/api/etcdhttp`; `/readyz` has Lattice's body.
final class HealthEndpoints {
    private static final String LIVEZ = "/livez";

    /// The one check of etcd's /livez.
    private static final String LIVEZ_CHECK = "serializable_read";

    private static final HttpReply OK = HttpReply.text(HttpResponseStatus.OK, "ok\n");

    private final NodeHealth node;

    HealthEndpoints(NodeHealth node) {
        this.node = node;
    }

    /// Answers the request if its path is one of these.
    ///
    /// @return whether it is
    boolean serve(HttpExchange exchange) {
        Consumer<HttpExchange> endpoint =
                switch (exchange.path()) {
                    case "/healthz" -> e -> e.reply(OK);
                    case "/readyz" -> this::readyz;
                    case LIVEZ, LIVEZ + "/" + LIVEZ_CHECK -> this::livez;
                    case "/health" -> this::health;
                    case "/version" -> this::version;
                    default -> null;
                };
        if (endpoint == null) {
            return false;
        }
        if (exchange.method().equals(HttpMethod.GET)) {
            endpoint.accept(exchange);
        } else {
            exchange.reply(HttpReply.methodNotAllowed());
        }
        return true;
    }

    private void livez(HttpExchange exchange) {
        boolean verbose = exchange.query().containsKey("verbose");
        boolean excluded =
                exchange.path().equals(LIVEZ) && values(exchange, "exclude").contains(LIVEZ_CHECK);
        if (excluded) {
            exchange.reply(OK);
            return;
        }
        node.read(
                false,
                failure -> {
                    if (failure != null) {
                        exchange.reply(
                                HttpReply.text(
                                        HttpResponseStatus.SERVICE_UNAVAILABLE,
                                        "[-]" + LIVEZ_CHECK + " failed: " + failure + "\n\n"));
                    } else {
                        exchange.reply(
                                verbose
                                        ? HttpReply.text(
                                                HttpResponseStatus.OK,
                                                "[+]" + LIVEZ_CHECK + " ok\nok\n")
                                        : OK);
                    }
                });
    }

    private void health(HttpExchange exchange) {
        boolean linearizable = !"true".equals(first(exchange, "serializable"));
        Set<String> excluded = values(exchange, "exclude");
        String alarm =
                node.alarms().stream()
                        .filter(name -> !excluded.contains(name))
                        .findFirst()
                        .orElse("");
        if (!alarm.isEmpty()) {
            exchange.reply(health("ALARM " + alarm));
        } else if (linearizable && !node.hasLeader()) {
            exchange.reply(health("RAFT NO LEADER"));
        } else {
            node.read(
                    linearizable,
                    failure ->
                            exchange.reply(
                                    health(failure == null ? "" : "RANGE ERROR:" + failure)));
        }
    }

    /// @param reason why the node isn't healthy; empty if it is
    private static HttpReply health(String reason) {
        boolean healthy = reason.isEmpty();
        JsonObject body = new JsonObject();
        body.addProperty("health", Boolean.toString(healthy));
        body.addProperty("reason", reason);
        // etcd names no type for it, and its HTTP library calls it text; errors end with a line
        // break.
        return healthy
                ? HttpReply.text(HttpResponseStatus.OK, body.toString())
                : HttpReply.text(HttpResponseStatus.SERVICE_UNAVAILABLE, body + "\n");
    }

    private void version(HttpExchange exchange) {
        JsonObject body = new JsonObject();
        node.versions().forEach(body::addProperty);
        exchange.reply(HttpReply.json(HttpResponseStatus.OK, body.toString()));
    }

    private void readyz(HttpExchange exchange) {
        NodeHealth.Readiness readiness = node.readiness();
        if (!readiness.leaderElected()) {
            exchange.reply(readyz(readiness, false));
        } else {
            node.read(true, failure -> exchange.reply(readyz(readiness, failure == null)));
        }
    }

    private static HttpReply readyz(NodeHealth.Readiness readiness, boolean canServeReads) {
        boolean ready =
                readiness.cpCacheFresh()
                        && readiness.routingEpochValid()
                        && readiness.leaderElected()
                        && canServeReads
                        && readiness.adaptersReady();
        JsonObject conditions = new JsonObject();
        conditions.addProperty("cp_cache_fresh", readiness.cpCacheFresh());
        conditions.addProperty("routing_epoch_valid", readiness.routingEpochValid());
        conditions.addProperty("leader_elected", readiness.leaderElected());
        conditions.addProperty("can_serve_reads", canServeReads);
        conditions.addProperty("adapters_ready", readiness.adaptersReady());
        JsonObject body = new JsonObject();
        body.addProperty("ready", ready);
        body.add("conditions", conditions);
        body.addProperty("manifest_digest", readiness.manifestDigest());
        body.addProperty("routing_epoch", readiness.routingEpoch());
        body.addProperty("cache_age_seconds", readiness.cacheAgeSeconds());
        return HttpReply.json(
                ready ? HttpResponseStatus.OK : HttpResponseStatus.SERVICE_UNAVAILABLE,
                body.toString());
    }

    private static String first(HttpExchange exchange, String parameter) {
        return exchange.query().getOrDefault(parameter, List.of("")).getFirst();
    }

    private static Set<String> values(HttpExchange exchange, String parameter) {
        return Set.copyOf(exchange.query().getOrDefault(parameter, List.of()));
    }
}
