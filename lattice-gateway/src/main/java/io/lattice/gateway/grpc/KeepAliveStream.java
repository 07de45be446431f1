package io.lattice.gateway.grpc;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.lattice.gateway.lease.Renewals;
import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.proto.etcdserverpb.LeaseKeepAliveRequest;
import io.lattice.proto.etcdserverpb.LeaseKeepAliveResponse;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One LeaseKeepAlive stream: each request is answered when its lease has been renewed. Requests that wait, and answers that
/// the client doesn't take, are bounded: beyond that nothing more is read from it. The end of its requests ends the stream
/// when all are answered, and a renewal that fails ends it at once, as in etcd.
///
/// Guarded by its monitor; gRPC's threads bring requests, those of [Renewals] the outcomes.
final class KeepAliveStream implements StreamObserver<LeaseKeepAliveRequest> {
    private static final Logger LOG = LoggerFactory.getLogger(KeepAliveStream.class);

    /// Requests that may be under way.
    private static final int WINDOW = 256;

    private final ServerCallStreamObserver<LeaseKeepAliveResponse> call;
    private final Renewals renewals;
    private final Supplier<ResponseHeader> header;
    private final Consumer<KeepAliveStream> ended;
    private int unanswered;
    private int toRequest;
    private boolean requestsEnded;
    private boolean over;

    /// @param header what the answer to a request that comes now has to carry
    /// @param ended told when the stream is over
    KeepAliveStream(
            ServerCallStreamObserver<LeaseKeepAliveResponse> call,
            Renewals renewals,
            Supplier<ResponseHeader> header,
            Consumer<KeepAliveStream> ended) {
        this.call = call;
        this.renewals = renewals;
        this.header = header;
        this.ended = ended;
    }

    /// Begins to read. Within the call that made the stream.
    void start() {
        call.disableAutoRequest();
        call.setOnCancelHandler(this::cancelled);
        call.setOnReadyHandler(this::requestMore);
        call.request(WINDOW);
    }

    @Override
    public void onNext(LeaseKeepAliveRequest request) {
        ResponseHeader before;
        synchronized (this) {
            if (over) {
                return;
            }
            unanswered++;
        }
        try {
            before = header.get();
        } catch (RuntimeException e) {
            fail(e);
            return;
        }
        long id = request.getID();
        renewals.renew(
                id,
                new Renewals.Answer() {
                    @Override
                    public void renewed(long ttlSeconds) {
                        answer(before, id, ttlSeconds);
                    }

                    @Override
                    public void failed(ProposalFailure failure) {
                        fail(ErrorMapper.status(failure).asRuntimeException());
                    }
                });
    }

    private synchronized void answer(ResponseHeader before, long id, long ttlSeconds) {
        if (over) {
            return;
        }
        unanswered--;
        toRequest++;
        try {
            call.onNext(
                    LeaseKeepAliveResponse.newBuilder()
                            .setHeader(before)
                            .setID(id)
                            .setTTL(ttlSeconds)
                            .build());
            requestMore();
            endIfDone();
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    private synchronized void requestMore() {
        if (!over && !requestsEnded && toRequest > 0 && call.isReady()) {
            int count = toRequest;
            toRequest = 0;
            call.request(count);
        }
    }

    private synchronized void fail(RuntimeException cause) {
        if (over) {
            return;
        }
        end();
        try {
            call.onError(ErrorMapper.status(cause).asRuntimeException());
        } catch (RuntimeException e) {
            // The call is over already.
            LOG.debug("a keepalive stream could not be failed", e);
        }
    }

    private void endIfDone() {
        if (requestsEnded && unanswered == 0 && !over) {
            end();
            call.onCompleted();
        }
    }

    private synchronized void cancelled() {
        end();
    }

    private void end() {
        over = true;
        ended.accept(this);
    }

    /// Ends the stream since the node stops: the client goes on with another one.
    void stop() {
        fail(ErrorMapper.status(ProposalFailure.STOPPED).asRuntimeException());
    }

    /// The client has gone.
    @Override
    public void onError(Throwable t) {
        LOG.trace("a keepalive stream was cut", t);
        cancelled();
    }

    @Override
    public synchronized void onCompleted() {
        requestsEnded = true;
        endIfDone();
    }
}
