package io.lattice.gateway.raft;

import io.lattice.proto.peer.PeerReply;
import io.lattice.proto.peer.PeerRequest;
import io.lattice.proto.peer.TermRequest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.ratis.thirdparty.io.grpc.CallOptions;
import org.apache.ratis.thirdparty.io.grpc.ManagedChannel;
import org.apache.ratis.thirdparty.io.grpc.stub.ClientCalls;
import org.apache.ratis.thirdparty.io.grpc.stub.StreamObserver;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One node's stream of requests to one other node. Connects when first used and again after it broke.
///
/// Thread-safe. A callback runs once: with the reply, on the channel's event loop, or with null when the stream
/// broke, in which case the request may or may not have reached the peer. Callbacks must not block.
final class PeerClient implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PeerClient.class);

    /// Unanswered pings for this long mean that the connection is dead, although nobody closed it: a paused or cut
    /// off peer. A new connection finds out sooner than TCP's retransmissions when the peer is back.
    private static final long SILENCE_NANOS_MAX = TimeUnit.MILLISECONDS.toNanos(1_500);

    private static final long PING_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /// Requests that may be unanswered at once; beyond, further ones fail at once.
    private static final int PENDING_MAX = 10_000;

    private final String peer;
    private final Supplier<ManagedChannel> connector;
    private final Map<Long, Consumer<@Nullable PeerReply>> pending = new HashMap<>();
    private @Nullable ManagedChannel channel;
    private @Nullable Stream stream;
    private long lastId;
    private long lastReplyNanos;
    private long lastPingNanos;
    private boolean closed;

    PeerClient(String peer, Supplier<ManagedChannel> connector) {
        this.peer = peer;
        this.connector = connector;
    }

    /// @param request without an id
    void send(PeerRequest.Builder request, Consumer<@Nullable PeerReply> callback) {
        boolean refused;
        boolean sent = false;
        synchronized (this) {
            refused = closed || pending.size() >= PENDING_MAX;
            if (!refused) {
                if (pending.isEmpty()) {
                    lastReplyNanos = System.nanoTime();
                }
                sent = enqueue(request, callback);
            }
        }
        if (refused) {
            callback.accept(null);
        } else if (!sent) {
            failPending();
        }
    }

    /// Sends on the open stream or a new one; false if that broke at once. Caller holds the lock.
    private boolean enqueue(PeerRequest.Builder request, Consumer<@Nullable PeerReply> callback) {
        long id = ++lastId;
        pending.put(id, callback);
        Stream open = openStream();
        if (open.ended) {
            return false;
        }
        open.requests.onNext(request.setId(id).build());
        return true;
    }

    /// Called regularly: notices a dead connection, and makes gRPC retry a refused one sooner than it would.
    void tick() {
        boolean sent = true;
        boolean silent = false;
        synchronized (this) {
            if (closed || channel == null) {
                return;
            }
            long now = System.nanoTime();
            if (pending.isEmpty()) {
                lastReplyNanos = now;
                return;
            }
            if (now - lastReplyNanos >= SILENCE_NANOS_MAX) {
                silent = true;
            } else if (now - lastPingNanos >= PING_INTERVAL_NANOS) {
                lastPingNanos = now;
                sent =
                        enqueue(
                                PeerRequest.newBuilder().setTerm(TermRequest.getDefaultInstance()),
                                _ -> {});
            }
        }
        if (silent) {
            LOG.debug("no answer from {}: connecting anew", peer);
            disconnect();
        } else if (!sent) {
            failPending();
        }
    }

    private Stream openStream() {
        Stream open = stream;
        if (open != null) {
            return open;
        }
        ManagedChannel connected = channel;
        if (connected == null) {
            connected = connector.get();
            channel = connected;
        }
        connected.resetConnectBackoff();
        Stream opened = new Stream();
        opened.requests =
                ClientCalls.asyncBidiStreamingCall(
                        connected.newCall(PeerWire.EXCHANGE, CallOptions.DEFAULT), opened);
        stream = opened;
        return opened;
    }

    private void disconnect() {
        ManagedChannel old;
        synchronized (this) {
            old = channel;
            channel = null;
        }
        if (old != null) {
            old.shutdownNow();
        }
        failPending();
    }

    private void failPending() {
        List<Consumer<@Nullable PeerReply>> failed;
        synchronized (this) {
            failed = takePending();
        }
        failed.forEach(callback -> callback.accept(null));
    }

    /// Forgets the stream and what is unanswered on it. Caller holds the lock.
    private List<Consumer<@Nullable PeerReply>> takePending() {
        stream = null;
        List<Consumer<@Nullable PeerReply>> taken = new ArrayList<>(pending.values());
        pending.clear();
        return taken;
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        disconnect();
    }

    /// The replies of one stream. After the stream has been replaced, what it still says is dropped.
    private final class Stream implements StreamObserver<PeerReply> {
        // Set right after construction, before anybody else sees the stream.
        @SuppressWarnings("NullAway.Init")
        private StreamObserver<PeerRequest> requests;

        // Guarded by the client's lock. A stream may break while it is being opened.
        private boolean ended;

        @Override
        public void onNext(PeerReply reply) {
            Consumer<@Nullable PeerReply> callback;
            synchronized (PeerClient.this) {
                if (stream != this) {
                    return;
                }
                lastReplyNanos = System.nanoTime();
                callback = pending.remove(reply.getId());
            }
            if (callback != null) {
                callback.accept(reply);
            }
        }

        @Override
        public void onError(Throwable t) {
            LOG.debug("the stream to {} broke", peer, t);
            ended();
        }

        @Override
        public void onCompleted() {
            ended();
        }

        private void ended() {
            List<Consumer<@Nullable PeerReply>> failed;
            synchronized (PeerClient.this) {
                ended = true;
                if (stream != this) {
                    return;
                }
                failed = takePending();
            }
            failed.forEach(callback -> callback.accept(null));
        }
    }
}
