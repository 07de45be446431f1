package io.lattice.gateway.http;

import com.google.gson.JsonObject;
import io.grpc.Attributes;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A call of the JSON gateway, as its service and the interceptors before it see it: all of its requests are there, and its
/// answers go out as JSON. Services answer from any thread; the listener is told on the connection's event loop only.
///
/// @param <Q> request
/// @param <A> response
final class JsonCall<Q, A> extends ServerCall<Q, A> {
    private static final Logger LOG = LoggerFactory.getLogger(JsonCall.class);

    /// How clients of grpc-gateway name metadata.
    private static final String METADATA_PREFIX = "grpc-metadata-";

    private final HttpExchange exchange;
    private final JsonMethod method;
    private final MethodDescriptor<Q, A> descriptor;
    private final Queue<Q> requests;

    // Of the event loop.
    private ServerCall.@Nullable Listener<Q> listener;
    private int wanted;
    private boolean telling;
    private boolean halfClosed;
    private boolean ended;

    // Of whoever answers.
    private @Nullable String only;
    private boolean begun;

    private volatile boolean cancelled;

    private JsonCall(
            HttpExchange exchange,
            JsonMethod method,
            MethodDescriptor<Q, A> descriptor,
            Queue<Q> requests) {
        this.exchange = exchange;
        this.method = method;
        this.descriptor = descriptor;
        this.requests = requests;
    }

    /// Begins the call, on the connection's event loop.
    ///
    /// @param requests made by [JsonMethod#parse] for the same method
    @SuppressWarnings("unchecked") // parsed by the method's own marshaller
    static <Q, A> void start(
            HttpExchange exchange,
            JsonMethod method,
            ServerMethodDefinition<Q, A> served,
            List<Object> requests) {
        Queue<Q> typed = new ArrayDeque<>();
        requests.forEach(request -> typed.add((Q) request));
        JsonCall<Q, A> call = new JsonCall<>(exchange, method, served.getMethodDescriptor(), typed);
        exchange.watch(call.new Client());
        ServerCall.Listener<Q> listener =
                served.getServerCallHandler().startCall(call, metadata(exchange.headers()));
        call.listener = listener;
        listener.onReady();
        call.tell();
    }

    /// What grpc-gateway passes on: the token of etcd's authentication, and what a client marks as metadata.
    private static Metadata metadata(HttpHeaders headers) {
        Metadata metadata = new Metadata();
        for (Map.Entry<String, String> header : headers) {
            String name = header.getKey().toLowerCase(Locale.ROOT);
            if (name.contentEquals(HttpHeaderNames.AUTHORIZATION)) {
                put(metadata, name, header.getValue());
            } else if (name.startsWith(METADATA_PREFIX) && !name.endsWith("-bin")) {
                put(metadata, name.substring(METADATA_PREFIX.length()), header.getValue());
            }
        }
        return metadata;
    }

    private static void put(Metadata metadata, String name, String value) {
        try {
            metadata.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value);
        } catch (IllegalArgumentException e) {
            LOG.debug("a header that can't be metadata", e);
        }
    }

    /// Hands on as many requests as the service wants, then that there are no more.
    private void tell() {
        ServerCall.Listener<Q> told = listener;
        if (told == null || telling) {
            return;
        }
        telling = true;
        while (wanted > 0 && !ended) {
            Q request = requests.poll();
            if (request == null) {
                break;
            }
            wanted--;
            told.onMessage(request);
        }
        telling = false;
        if (requests.isEmpty() && !halfClosed && !ended) {
            halfClosed = true;
            told.onHalfClose();
        }
    }

    @Override
    public void request(int count) {
        onLoop(() -> {
            wanted = (int) Math.min(Integer.MAX_VALUE, (long) wanted + count);
            tell();
        });
    }

    @Override
    public void sendHeaders(Metadata headers) {
        // The gateway passes on none.
    }

    @Override
    public void sendMessage(A message) {
        if (cancelled) {
            return;
        }
        String json;
        try {
            json = method.print(descriptor, message);
        } catch (IOException e) {
            throw new IllegalStateException("a response of " + method.name() + " can't be read", e);
        }
        if (!method.streamsResponses()) {
            only = json;
            return;
        }
        begin(HttpResponseStatus.OK);
        line("{\"result\":" + json + "}\n");
    }

    private void line(String text) {
        exchange.chunk(text.getBytes(StandardCharsets.UTF_8));
    }

    private void begin(HttpResponseStatus status) {
        if (!begun) {
            begun = true;
            exchange.begin(status, HttpReply.JSON);
        }
    }

    @Override
    public void close(Status status, Metadata trailers) {
        if (!method.streamsResponses()) {
            String json = only;
            exchange.reply(
                    status.isOk() && json != null
                            ? HttpReply.json(HttpResponseStatus.OK, json)
                            : JsonStatus.reply(status));
        } else {
            begin(JsonStatus.http(status.getCode()));
            if (!status.isOk()) {
                JsonObject error = new JsonObject();
                error.add("error", JsonStatus.json(status));
                line(error + "\n");
            }
            exchange.end();
        }
        // Later: the caller is in the middle of something.
        later(() -> {
            if (!ended) {
                ended = true;
                if (listener != null) {
                    listener.onComplete();
                }
            }
        });
    }

    @Override
    public boolean isReady() {
        return !cancelled && exchange.connection().isWritable();
    }

    @Override
    public boolean isCancelled() {
        return cancelled;
    }

    @Override
    public MethodDescriptor<Q, A> getMethodDescriptor() {
        return descriptor;
    }

    @Override
    public Attributes getAttributes() {
        return exchange.connection().attributes();
    }

    @Override
    public @Nullable String getAuthority() {
        return exchange.headers().get(HttpHeaderNames.HOST);
    }

    private void onLoop(Runnable part) {
        if (exchange.connection().loop().inEventLoop()) {
            part.run();
        } else {
            later(part);
        }
    }

    private void later(Runnable part) {
        try {
            exchange.connection().loop().execute(part);
        } catch (RejectedExecutionException e) {
            LOG.debug("an event loop has ended, and its calls with it", e);
        }
    }

    private final class Client implements HttpExchange.Watcher {
        @Override
        public void writable() {
            if (listener != null && !ended) {
                listener.onReady();
            }
        }

        @Override
        public void gone() {
            cancelled = true;
            if (listener != null && !ended) {
                ended = true;
                listener.onCancel();
            }
        }
    }
}
