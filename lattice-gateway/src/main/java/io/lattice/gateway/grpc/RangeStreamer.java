package io.lattice.gateway.grpc;

import io.grpc.stub.ServerCallStreamObserver;
import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.RangeStreamResponse;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.query.QueryExecutor;
import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// One RangeStream call: sends a chunk whenever the transport has room for one, so that a slow client holds one chunk
/// in memory and a view of the store, and no thread. A view keeps what it shows from being compacted away: it is let
/// go when the call ends either way, and a client that takes no chunk for as long as a request may take is cut off.
final class RangeStreamer {
    private final ServerCallStreamObserver<RangeStreamResponse> call;
    private final RaftNode node;
    private final Headers headers;
    private final int keyspace;
    private final RangeRequest request;
    private final int chunkBytes;
    private final Duration patience;
    private final Executor scans;
    private final Reply<RangeStreamResponse> reply;
    // Guarded by this.
    private @Nullable ReadView view;
    private @Nullable Iterator<RangeResponse> chunks;
    private boolean ended;
    private long chunksSent;

    RangeStreamer(
            ServerCallStreamObserver<RangeStreamResponse> call,
            RaftNode node,
            Headers headers,
            int keyspace,
            RangeRequest request,
            RequestLimits limits,
            Executor scans) {
        this.call = call;
        this.node = node;
        this.headers = headers;
        this.keyspace = keyspace;
        this.request = request;
        this.chunkBytes = limits.requestBytes();
        this.patience = limits.timeout();
        this.scans = scans;
        call.setOnReadyHandler(() -> scans.execute(this::send));
        this.reply = new Reply<>(call, this::end);
    }

    /// For errors before the first chunk.
    Reply<RangeStreamResponse> reply() {
        return reply;
    }

    void start() {
        scans.execute(() -> {
            open();
            send();
        });
    }

    private synchronized void open() {
        if (ended) {
            return;
        }
        try {
            ReadView opened = node.store().view();
            view = opened;
            chunks = new QueryExecutor(opened).rangeStream(keyspace, request, chunkBytes);
        } catch (RuntimeException e) {
            end();
            call.onError(ErrorMapper.status(e).asRuntimeException());
        }
    }

    private synchronized void send() {
        Iterator<RangeResponse> left = chunks;
        if (ended || left == null) {
            return;
        }
        try {
            while (call.isReady() && left.hasNext()) {
                RangeResponse chunk = left.next();
                if (chunk.hasHeader()) {
                    chunk =
                            chunk.toBuilder()
                                    .setHeader(headers.complete(chunk.getHeader()))
                                    .build();
                }
                chunksSent++;
                call.onNext(RangeStreamResponse.newBuilder().setRangeResponse(chunk).build());
            }
            if (!left.hasNext()) {
                end();
                call.onCompleted();
            } else {
                long sent = chunksSent;
                CompletableFuture.delayedExecutor(patience.toMillis(), TimeUnit.MILLISECONDS, scans)
                        .execute(() -> cutOffIfStalled(sent));
            }
        } catch (RuntimeException e) {
            end();
            call.onError(ErrorMapper.status(e).asRuntimeException());
        }
    }

    private synchronized void cutOffIfStalled(long sentBefore) {
        if (!ended && chunksSent == sentBefore) {
            end();
            call.onError(ErrorMapper.status(ProposalFailure.TIMED_OUT).asRuntimeException());
        }
    }

    private synchronized void end() {
        ended = true;
        chunks = null;
        ReadView held = view;
        view = null;
        if (held != null) {
            held.close();
        }
    }
}
