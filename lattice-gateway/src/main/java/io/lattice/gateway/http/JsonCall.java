package io.lattice.gateway.http;

import com.google.gson.JsonObject;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Attributes;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A call of the JSON gateway, as its service and the interceptors before it see it. Its answers go out as JSON. Its request is
/// there, or requests follow each other in the body as long as that goes on: each is told at once if the service wants it,
/// and while there is one that it doesn't want, no further piece of the body is asked for.
///
/// A request that can't be read ends the call with an error, unlike etcd's gateway, which then only tells the service that there
/// are no more, and leaves the client waiting. So does one that has begun, or the first one, and isn't complete in time.
///
/// Services answer from any thread; the listener is told on the connection's event loop only.
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
    private final ServerMethodDefinition<Q, A> served;
    private final ServerStreamTracer tracer;
    private final AtomicBoolean traced = new AtomicBoolean();

    // Of the event loop.
    private ServerCall.@Nullable Listener<Q> listener;
    private final JsonValues values = new JsonValues();

    /// Read, and not told yet.
    private @Nullable Q next;

    /// When the request that has begun must be complete.
    private @Nullable Future<?> deadline;

    private int wanted;
    private boolean first = true;
    private boolean telling;
    private boolean halfClosed;
    private boolean ended;

    /// Guards what follows: a service answers, or the event loop refuses what the client sends.
    private final Object answering = new Object();

    private @Nullable String only;
    private boolean begun;
    private boolean closed;

    private volatile boolean cancelled;

    private JsonCall(
            HttpExchange exchange,
            JsonMethod method,
            ServerMethodDefinition<Q, A> served,
            ServerStreamTracer tracer) {
        this.exchange = exchange;
        this.method = method;
        this.served = served;
        this.descriptor = served.getMethodDescriptor();
        this.tracer = tracer;
    }

    /// The answer and the client's going away may come at once, from two threads.
    private void traceEnd(Status status) {
        if (traced.compareAndSet(false, true)) {
            tracer.streamClosed(status);
        }
    }

    /// Begins the call, on the connection's event loop.
    ///
    /// @param request made by [JsonMethod#parse] for the same method; null if requests come in pieces
    @SuppressWarnings("unchecked") // parsed by the method's own marshaller
    static <Q, A> void start(
            HttpExchange exchange,
            JsonMethod method,
            ServerMethodDefinition<Q, A> served,
            @Nullable Object request,
            ServerStreamTracer.Factory tracers) {
        String name = served.getMethodDescriptor().getFullMethodName();
        Metadata metadata = metadata(exchange.headers());
        JsonCall<Q, A> call =
                new JsonCall<>(
                        exchange, method, served, tracers.newServerStreamTracer(name, metadata));
        if (request != null) {
            call.next = (Q) request;
            call.values.complete();
        }
        exchange.watch(call.new Client());
        ServerCall.Listener<Q> listener = served.getServerCallHandler().startCall(call, metadata);
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

    /// Hands on as many requests as the service wants, then that there are no more, or asks for more.
    private void tell() {
        ServerCall.Listener<Q> told = listener;
        if (told == null || telling) {
            return;
        }
        telling = true;
        while (!ended && hasNext() && wanted > 0) {
            Q request = next;
            next = null;
            wanted--;
            told.onMessage(request);
        }
        telling = false;
        if (ended || halfClosed || next != null) {
            return;
        }
        if (values.isComplete()) {
            halfClosed = true;
            noDeadline();
            told.onHalfClose();
        } else if (values.begun() > limits().bodyBytes()) {
            refuse(
                    HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE,
                    Status.RESOURCE_EXHAUSTED.withDescription(
                            RequestBody.tooLargeText(limits().bodyBytes())));
        } else {
            if (deadline == null && (first || values.begun() > 0)) {
                deadline =
                        exchange.stream()
                                .loop()
                                .schedule(
                                        this::tooSlow,
                                        limits().body().toNanos(),
                                        TimeUnit.NANOSECONDS);
            }
            exchange.more();
        }
    }

    @SuppressWarnings("unchecked") // parsed by the method's own marshaller
    private boolean hasNext() {
        if (next != null) {
            return true;
        }
        String value = values.next();
        if (value == null) {
            return false;
        }
        noDeadline();
        first = false;
        try {
            next = (Q) method.parse(served, value);
            return true;
        } catch (InvalidProtocolBufferException e) {
            Status status = JsonStatus.unparsable(e);
            refuse(JsonStatus.http(status.getCode()), status);
            return false;
        }
    }

    private Limits limits() {
        return exchange.stream().limits();
    }

    private void noDeadline() {
        if (deadline != null) {
            deadline.cancel(false);
            deadline = null;
        }
    }

    private void tooSlow() {
        refuse(
                HttpResponseStatus.REQUEST_TIMEOUT,
                Status.DEADLINE_EXCEEDED.withDescription("lattice: request body timed out"));
    }

    /// Ends the call because of what the client sends or doesn't.
    private void refuse(HttpResponseStatus http, Status status) {
        cancelled = true;
        finish(http, status);
        end(ServerCall.Listener::onCancel);
    }

    private void end(Consumer<ServerCall.Listener<Q>> last) {
        noDeadline();
        if (!ended) {
            ended = true;
            next = null;
            if (listener != null) {
                last.accept(listener);
            }
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
        synchronized (answering) {
            if (closed) {
                return;
            }
            if (method.streamsResponses()) {
                begin(HttpResponseStatus.OK);
                line("{\"result\":" + json + "}\n");
            } else {
                only = json;
            }
        }
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
        finish(JsonStatus.http(status.getCode()), status);
        // Later: the caller is in the middle of something.
        later(() -> end(ServerCall.Listener::onComplete));
    }

    private void finish(HttpResponseStatus http, Status status) {
        synchronized (answering) {
            if (closed) {
                return;
            }
            closed = true;
            traceEnd(status);
            if (!method.streamsResponses()) {
                String json = only;
                exchange.reply(
                        HttpReply.json(
                                http,
                                status.isOk() && json != null
                                        ? json
                                        : JsonStatus.json(status).toString()));
                return;
            }
            begin(http);
            if (!status.isOk()) {
                JsonObject error = new JsonObject();
                error.add("error", JsonStatus.json(status));
                line(error + "\n");
            }
            exchange.end();
        }
    }

    @Override
    public boolean isReady() {
        return !cancelled && exchange.stream().isWritable();
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
        return exchange.stream().attributes();
    }

    @Override
    public @Nullable String getAuthority() {
        return exchange.headers().get(HttpHeaderNames.HOST);
    }

    private void onLoop(Runnable part) {
        if (exchange.stream().loop().inEventLoop()) {
            part.run();
        } else {
            later(part);
        }
    }

    private void later(Runnable part) {
        try {
            exchange.stream().loop().execute(part);
        } catch (RejectedExecutionException e) {
            LOG.debug("an event loop has ended, and its calls with it", e);
        }
    }

    /// What a write of ours can cause at once is told later: then no lock is held.
    private final class Client implements HttpExchange.Watcher {
        @Override
        public void writable() {
            later(() -> {
                if (listener != null && !ended) {
                    listener.onReady();
                }
            });
        }

        @Override
        public void piece(ByteBuf piece) {
            if (!ended) {
                values.add(piece);
                tell();
            }
        }

        @Override
        public void bodyEnd() {
            values.complete();
            tell();
        }

        @Override
        public void gone() {
            cancelled = true;
            traceEnd(Status.CANCELLED);
            later(() -> end(ServerCall.Listener::onCancel));
        }
    }
}
