package io.lattice.gateway.observability;

import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerStreamTracer;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.lattice.gateway.wire.PackedMessages;
import io.prometheus.client.Collector;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;

/// Counts the calls of the client port, as a tracer of its server: it sees every call, those that no service takes included,
/// and its bytes. Runs on the event loops; a call costs one small object, two looks at the clock and a few striped counters.
///
/// Which methods there are is fixed at the start, so that no client can make up names.
public final class CallMetrics extends ServerStreamTracer.Factory {
    private static final Status.Code[] CODES = Status.Code.values();

    private static final Set<String> WRITES = Set.of("Put", "DeleteRange", "Txn", "Compact");

    private final Map<String, Method> methods = new HashMap<>();
    private final Method unknown = new Method("", "unknown", MethodDescriptor.MethodType.UNKNOWN);
    private final LongAdder receivedBytes = new LongAdder();
    private final LongAdder sentBytes = new LongAdder();
    private final CallListener listener;

    /// Told of each call that ended. Called on event loops: it must not block.
    public interface CallListener {
        /// A call ended.
        ///
        /// @param method such as `etcdserverpb.KV/Put`
        /// @param headers what the client sent
        /// @param nanos since it began
        /// @param streaming whether the client decides how long the call lasts
        void ended(
                String method, Metadata headers, Status.Code code, long nanos, boolean streaming);
    }

    /// @param services whose calls are told apart
    public CallMetrics(Collection<ServiceDescriptor> services, CallListener listener) {
        this.listener = listener;
        for (ServiceDescriptor service : services) {
            for (MethodDescriptor<?, ?> method : service.getMethods()) {
                methods.put(
                        method.getFullMethodName(),
                        new Method(
                                service.getName(),
                                String.valueOf(method.getBareMethodName()),
                                method.getType()));
            }
        }
    }

    @Override
    public ServerStreamTracer newServerStreamTracer(String fullMethodName, Metadata headers) {
        Method method = methods.getOrDefault(fullMethodName, unknown);
        method.started.increment();
        return new CallTracer(fullMethodName, method, headers);
    }

    /// The counters of one method.
    private static final class Method {
        private final String service;
        private final String name;
        private final String grpcType;
        private final boolean streaming;
        private final LongAdder started = new LongAdder();
        private final LongAdder received = new LongAdder();
        private final LongAdder sent = new LongAdder();
        private final LongAdder[] handled = new LongAdder[CODES.length];
        private final DurationHistogram durations = DurationHistogram.ofRequests();

        Method(String service, String name, MethodDescriptor.MethodType type) {
            this.service = service;
            this.name = name;
            this.streaming = !type.clientSendsOneMessage();
            this.grpcType =
                    switch (type) {
                        case UNARY, UNKNOWN -> "unary";
                        case CLIENT_STREAMING -> "client_stream";
                        case SERVER_STREAMING -> "server_stream";
                        case BIDI_STREAMING -> "bidi_stream";
                    };
            for (int i = 0; i < handled.length; i++) {
                handled[i] = new LongAdder();
            }
        }

        /// Of the etcd API, in small letters: `delete_range`.
        private String operation() {
            return name.replaceAll("([a-z])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
        }

        private boolean isEtcd() {
            return !service.startsWith("grpc.");
        }
    }

    /// Follows one call. On the call's event loop.
    private final class CallTracer extends ServerStreamTracer {
        private final String fullName;
        private final Method method;
        private final Metadata headers;
        private final long beganNanos = System.nanoTime();

        CallTracer(String fullName, Method method, Metadata headers) {
            this.fullName = fullName;
            this.method = method;
            this.headers = headers;
        }

        @Override
        public void inboundMessage(int number) {
            method.received.increment();
        }

        @Override
        public void outboundMessage(int number) {
            method.sent.add(1L + PackedMessages.furtherMessages());
        }

        @Override
        public void inboundWireSize(long bytes) {
            receivedBytes.add(bytes);
        }

        @Override
        public void outboundWireSize(long bytes) {
            sentBytes.add(bytes + PackedMessages.furtherBytes());
        }

        @Override
        public void streamClosed(Status status) {
            Status.Code code = status.getCode();
            long nanos = System.nanoTime() - beganNanos;
            method.handled[code.value()].increment();
            if (!method.streaming) {
                method.durations.record(nanos);
            }
            listener.ended(fullName, headers, code, nanos, method.streaming);
        }
    }

    /// Totals since the start: what the status view shows as rates.
    ///
    /// @param errors calls that ended other than well, cancelled ones aside
    public record Totals(long requests, long errors, long receivedBytes, long sentBytes) {}

    /// The totals of all methods of the etcd API.
    public Totals totals() {
        long requests = 0;
        long errors = 0;
        for (Method method : all()) {
            if (method.isEtcd()) {
                requests += method.started.sum();
                for (Status.Code code : CODES) {
                    if (code != Status.Code.OK && code != Status.Code.CANCELLED) {
                        errors += method.handled[code.value()].sum();
                    }
                }
            }
        }
        return new Totals(requests, errors, receivedBytes.sum(), sentBytes.sum());
    }

    /// Writes that ended without anybody knowing whether they were made: what etcd calls failed proposals.
    long undecidedWrites() {
        long count = 0;
        for (Method method : methods.values()) {
            if (WRITES.contains(method.name)) {
                count += method.handled[Status.Code.UNAVAILABLE.value()].sum();
            }
        }
        return count;
    }

    private List<Method> all() {
        List<Method> all = new ArrayList<>(methods.values());
        all.add(unknown);
        return all;
    }

    /// Adds what was counted to a scrape.
    void collect(Families families) {
        String[] grpc = {"grpc_service", "grpc_method", "grpc_type"};
        Families.Family started =
                families.labelled(
                        "grpc_server_started_total", Collector.Type.COUNTER, "Calls begun.", grpc);
        Families.Family handled =
                families.labelled(
                        "grpc_server_handled_total",
                        Collector.Type.COUNTER,
                        "Calls ended, by status code; every method has a line for OK.",
                        "grpc_service",
                        "grpc_method",
                        "grpc_type",
                        "grpc_code");
        Families.Family received =
                families.labelled(
                        "grpc_server_msg_received_total",
                        Collector.Type.COUNTER,
                        "Messages received.",
                        grpc);
        Families.Family sent =
                families.labelled(
                        "grpc_server_msg_sent_total",
                        Collector.Type.COUNTER,
                        "Messages sent.",
                        grpc);
        for (Method method : methods.values()) {
            String[] labels = {method.service, method.name, method.grpcType};
            started.add(method.started.sum(), labels);
            received.add(method.received.sum(), labels);
            sent.add(method.sent.sum(), labels);
            for (Status.Code code : CODES) {
                long count = method.handled[code.value()].sum();
                if (count > 0 || code == Status.Code.OK) {
                    handled.add(count, method.service, method.name, method.grpcType, goName(code));
                }
            }
        }
        families.counter(
                "etcd_network_client_grpc_received_bytes_total",
                "Bytes of requests.",
                receivedBytes.sum());
        families.counter(
                "etcd_network_client_grpc_sent_bytes_total", "Bytes of answers.", sentBytes.sum());
        collectAdapter(families);
    }

    private void collectAdapter(Families families) {
        Families.Family requests =
                families.labelled(
                        "lattice_adapter_etcd_requests_total",
                        Collector.Type.COUNTER,
                        "Calls of the etcd API begun, by operation.",
                        "operation");
        Families.Family errors =
                families.labelled(
                        "lattice_adapter_etcd_errors_total",
                        Collector.Type.COUNTER,
                        "Calls of the etcd API that failed, by operation and status code; CANCELLED: by the client.",
                        "operation",
                        "code");
        Families.Family durations =
                families.labelled(
                        "lattice_adapter_etcd_request_duration_seconds",
                        Collector.Type.HISTOGRAM,
                        "How long calls took; those whose length the client decides are left out.",
                        "operation");
        for (Method method : all()) {
            if (!method.isEtcd()) {
                continue;
            }
            String operation = method.operation();
            requests.add(method.started.sum(), operation);
            for (Status.Code code : CODES) {
                long count = method.handled[code.value()].sum();
                if (code != Status.Code.OK && (count > 0 || code == Status.Code.UNAVAILABLE)) {
                    errors.add(count, operation, code.name());
                }
            }
            if (!method.streaming && (method.started.sum() > 0 || method.name.equals("Range"))) {
                durations.add(method.durations, operation);
            }
        }
    }

    /// The names that gRPC for Go, and so etcd, has for the codes.
    static String goName(Status.Code code) {
        return switch (code) {
            case OK -> "OK";
            case CANCELLED -> "Canceled";
            default -> {
                StringBuilder name = new StringBuilder();
                for (String word : code.name().split("_", -1)) {
                    name.append(word.charAt(0)).append(word.substring(1).toLowerCase(Locale.ROOT));
                }
                yield name.toString();
            }
        };
    }
}
