package io.lattice.gateway.grpc;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.TxnResponse;
import io.lattice.proto.mvccpb.KeyValue;
import io.lattice.proto.v3lockpb.LockGrpc;
import io.lattice.proto.v3lockpb.LockRequest;
import io.lattice.proto.v3lockpb.LockResponse;
import io.lattice.proto.v3lockpb.UnlockRequest;
import io.lattice.proto.v3lockpb.UnlockResponse;
import java.util.List;

/// v3lockpb.Lock: the mutex of etcd's Go client, played here for clients that have none of their own. See [Line].
public final class LockService extends LockGrpc.LockImplBase {
    /// What etcd's client grants where no lease is given.
    static final long SESSION_SECONDS = 60;

    private final WaitingCalls waiting;

    public LockService(WaitingCalls waiting) {
        this.waiting = waiting;
    }

    @Override
    public void lock(LockRequest request, StreamObserver<LockResponse> observer) {
        waiting.begin(observer, (calls, client) -> client.send(lock(calls, request)));
    }

    private static LockResponse lock(TenantCalls calls, LockRequest request)
            throws InterruptedException {
        long lease = request.getLease() == 0 ? calls.grant(SESSION_SECONDS) : request.getLease();
        Line line = Line.of(request.getName());
        ByteString key = line.key(lease);
        TxnResponse joined =
                calls.txn(
                        TxnRequest.newBuilder()
                                .addCompare(Line.createdAt(key, 0))
                                .addSuccess(Line.put(key, ByteString.EMPTY, lease))
                                .addSuccess(Line.get(line.first()))
                                .addFailure(Line.get(key))
                                .addFailure(Line.get(line.first()))
                                .build());
        long since =
                joined.getSucceeded()
                        ? joined.getHeader().getRevision()
                        : joined.getResponses(0).getResponseRange().getKvs(0).getCreateRevision();
        LockResponse.Builder response = LockResponse.newBuilder().setKey(key);
        List<KeyValue> holder = joined.getResponses(1).getResponseRange().getKvsList();
        if (holder.isEmpty() || holder.getFirst().getCreateRevision() == since) {
            return response.setHeader(joined.getHeader()).build();
        }
        RangeResponse own;
        try {
            line.awaitTurn(calls, since - 1);
            own = calls.range(RangeRequest.newBuilder().setKey(key).build());
        } catch (InterruptedException | StatusRuntimeException e) {
            WaitingCalls.cleanUp(() -> calls.delete(key));
            throw e;
        }
        if (own.getKvsCount() == 0) {
            throw Status.UNKNOWN.withDescription("mutex: session is expired").asRuntimeException();
        }
        return response.setHeader(own.getHeader()).build();
    }

    @Override
    public void unlock(UnlockRequest request, StreamObserver<UnlockResponse> observer) {
        waiting.begin(
                observer,
                (calls, client) ->
                        client.send(
                                UnlockResponse.newBuilder()
                                        .setHeader(calls.delete(request.getKey()).getHeader())
                                        .build()));
    }
}
