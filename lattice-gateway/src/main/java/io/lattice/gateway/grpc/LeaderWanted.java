package io.lattice.gateway.grpc;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// Serves calls with the metadata `hasleader: true` (WithRequireLeader of etcd's Go client) only while this node knows of a
/// leader. A new one without a leader is refused at once; a stream that is open already is ended after three election timeouts
/// in a row without one, since it costs more to open again than to keep. The bounds are etcd's.
///
/// Thread-safe: calls are opened and told on event loops, answered by whatever thread their service answers on, and ended by the
/// timer.
public final class LeaderWanted implements ServerInterceptor {
    /// What a client is told.
    static final Status NO_LEADER = Status.UNAVAILABLE.withDescription("etcdserver: no leader");

    private static final Metadata.Key<String> HAS_LEADER =
            Metadata.Key.of("hasleader", Metadata.ASCII_STRING_MARSHALLER);

    private static final int MISSES_MAX = 3;

    private final BooleanSupplier hasLeader;
    private final Set<EndableCall<?, ?>> streams = ConcurrentHashMap.newKeySet();

    private @Nullable ScheduledFuture<?> looking;

    /// Only the timer's thread touches it.
    private int misses;

    /// @param hasLeader whether this node knows of a leader
    public LeaderWanted(BooleanSupplier hasLeader) {
        this.hasLeader = hasLeader;
    }

    /// Begins to look for the leader, once an election timeout.
    public void start(ScheduledExecutorService timer, Duration electionTimeout) {
        long nanos = electionTimeout.toNanos();
        looking = timer.scheduleWithFixedDelay(this::look, nanos, nanos, TimeUnit.NANOSECONDS);
    }

    /// Looks no more.
    public void stop() {
        ScheduledFuture<?> started = looking;
        if (started != null) {
            started.cancel(false);
        }
    }

    void look() {
        misses = hasLeader.getAsBoolean() ? 0 : misses + 1;
        if (misses >= MISSES_MAX) {
            streams.forEach(EndableCall::endForWantOfLeader);
        }
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        if (!wanted(headers)) {
            return next.startCall(call, headers);
        }
        if (!hasLeader.getAsBoolean()) {
            call.close(NO_LEADER, new Metadata());
            return new ServerCall.Listener<>() {};
        }
        var type = call.getMethodDescriptor().getType();
        if (type.clientSendsOneMessage() && type.serverSendsOneMessage()) {
            return next.startCall(call, headers);
        }
        EndableCall<Q, A> stream = new EndableCall<>(call, streams);
        streams.add(stream);
        return new Listener<>(next.startCall(stream, headers), stream);
    }

    /// As in etcd, the first of several values counts.
    private static boolean wanted(Metadata headers) {
        Iterable<String> values = headers.getAll(HAS_LEADER);
        if (values == null) {
            return false;
        }
        Iterator<String> value = values.iterator();
        return value.hasNext() && "true".equals(value.next());
    }

    /// A stream that may be ended from outside of its service, which is then told that it was cancelled. What the service still
    /// answers until it knows is dropped.
    private static final class EndableCall<Q, A> extends SimpleForwardingServerCall<Q, A> {
        private final Set<EndableCall<?, ?>> open;

        /// Guarded by this: a gRPC call isn't thread-safe, and the timer isn't the thread of the service.
        private boolean closed;

        /// Written under this.
        private volatile boolean leaderLost;

        EndableCall(ServerCall<Q, A> call, Set<EndableCall<?, ?>> open) {
            super(call);
            this.open = open;
        }

        void endForWantOfLeader() {
            synchronized (this) {
                if (closed) {
                    return;
                }
                leaderLost = true;
                close(NO_LEADER, new Metadata());
            }
        }

        boolean leaderLost() {
            return leaderLost;
        }

        void over() {
            open.remove(this);
        }

        @Override
        public synchronized void sendHeaders(Metadata headers) {
            if (!closed) {
                super.sendHeaders(headers);
            }
        }

        @Override
        public synchronized void sendMessage(A message) {
            if (!closed) {
                super.sendMessage(message);
            }
        }

        @Override
        public synchronized boolean isReady() {
            return !closed && super.isReady();
        }

        @Override
        public synchronized void close(Status status, Metadata trailers) {
            if (!closed) {
                closed = true;
                over();
                super.close(status, trailers);
            }
        }
    }

    private static final class Listener<Q> extends SimpleForwardingServerCallListener<Q> {
        private final EndableCall<Q, ?> stream;

        Listener(ServerCall.Listener<Q> service, EndableCall<Q, ?> stream) {
            super(service);
            this.stream = stream;
        }

        @Override
        public void onMessage(Q message) {
            if (!stream.leaderLost()) {
                super.onMessage(message);
            }
        }

        @Override
        public void onHalfClose() {
            if (!stream.leaderLost()) {
                super.onHalfClose();
            }
        }

        @Override
        public void onCancel() {
            stream.over();
            super.onCancel();
        }

        /// The service didn't end the stream itself, so to it this is no completion.
        @Override
        public void onComplete() {
            if (stream.leaderLost()) {
                super.onCancel();
            } else {
                super.onComplete();
            }
        }
    }
}
