package io.lattice.gateway.grpc;

import com.google.protobuf.Message;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.lattice.gateway.admission.FairExecutor;
import io.lattice.gateway.admission.Tenant;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.proto.command.Command;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.CompactionResponse;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.DeleteRangeResponse;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.PutResponse;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.RangeStreamResponse;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.TxnResponse;
import io.lattice.statemachine.apply.Refusal;
import io.lattice.statemachine.apply.RequestChecks;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.query.QueryExecutor;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// etcdserverpb.KV. Mutations go through the proposer, reads through the read fence unless they are serializable.
/// Point reads run on the thread that is there already; larger ones on `scans`. Each call is about its tenant's keyspace.
public final class KvService extends KVGrpc.KVImplBase {
    private final RaftNode node;
    private final Headers headers;
    private final RequestLimits limits;
    private final FairExecutor scans;
    private final ReadGate gate;

    /// @param scans runs reads that may take long
    /// @param gate what claims to be linearizable has to pass it
    public KvService(
            RaftNode node,
            Headers headers,
            RequestLimits limits,
            FairExecutor scans,
            ReadGate gate) {
        this.gate = gate;
        this.node = node;
        this.headers = headers;
        this.limits = limits;
        this.scans = scans;
    }

    @Override
    public void range(RangeRequest request, StreamObserver<RangeResponse> observer) {
        Reply<RangeResponse> reply = new Reply<>(observer);
        Refusal refusal = RequestChecks.check(request);
        if (refusal != null) {
            reply.fail(ErrorMapper.status(refusal));
            return;
        }
        int keyspace = Tenant.current().keyspace();
        Runnable read = () -> reply.guard(() -> reply.ok(range(keyspace, request)));
        Runnable placed =
                request.getRangeEnd().isEmpty()
                        ? read
                        : () -> reply.guard(() -> scans.of(keyspace).execute(read));
        fenced(request.getSerializable(), placed, reply);
    }

    private RangeResponse range(int keyspace, RangeRequest request) {
        try (ReadView view = node.store().view()) {
            RangeResponse response = new QueryExecutor(view).range(keyspace, request);
            return response.toBuilder().setHeader(headers.complete(response.getHeader())).build();
        }
    }

    private void fenced(boolean serializable, Runnable read, Reply<?> reply) {
        if (serializable) {
            read.run();
            return;
        }
        gate.await(read, reply::fail);
    }

    @Override
    public void rangeStream(RangeRequest request, StreamObserver<RangeStreamResponse> observer) {
        ServerCallStreamObserver<RangeStreamResponse> call =
                (ServerCallStreamObserver<RangeStreamResponse>) observer;
        Refusal refusal = RequestChecks.checkStream(request);
        if (refusal != null) {
            call.onError(ErrorMapper.status(refusal).asRuntimeException());
            return;
        }
        int keyspace = Tenant.current().keyspace();
        Executor lane = scans.of(keyspace);
        RangeStreamer streamer =
                new RangeStreamer(call, node, headers, keyspace, request, limits, lane);
        Reply<RangeStreamResponse> reply = streamer.reply();
        fenced(request.getSerializable(), streamer::start, reply);
    }

    @Override
    public void put(PutRequest request, StreamObserver<PutResponse> observer) {
        Reply<PutResponse> reply = new Reply<>(observer);
        propose(
                Tenant.current().route().command().setPut(request),
                RequestChecks.check(request),
                request.getSerializedSize(),
                reply,
                response -> {
                    PutResponse put = (PutResponse) response;
                    reply.ok(put.toBuilder().setHeader(headers.complete(put.getHeader())).build());
                });
    }

    @Override
    public void deleteRange(
            DeleteRangeRequest request, StreamObserver<DeleteRangeResponse> observer) {
        Reply<DeleteRangeResponse> reply = new Reply<>(observer);
        propose(
                Tenant.current().route().command().setDeleteRange(request),
                RequestChecks.check(request),
                request.getSerializedSize(),
                reply,
                response -> {
                    DeleteRangeResponse deleted = (DeleteRangeResponse) response;
                    reply.ok(
                            deleted.toBuilder()
                                    .setHeader(headers.complete(deleted.getHeader()))
                                    .build());
                });
    }

    @Override
    public void txn(TxnRequest request, StreamObserver<TxnResponse> observer) {
        Reply<TxnResponse> reply = new Reply<>(observer);
        Refusal refusal = RequestChecks.check(request, limits.txnOps());
        Tenant tenant = Tenant.current();
        if (refusal == null && RequestChecks.isReadOnly(request)) {
            Runnable read = () -> reply.guard(() -> reply.ok(readOnlyTxn(tenant, request)));
            fenced(
                    RequestChecks.isSerializable(request),
                    () -> reply.guard(() -> scans.of(tenant.keyspace()).execute(read)),
                    reply);
            return;
        }
        StatusRuntimeException outdated =
                refusal == null && RequestChecks.readsOrCompares(request)
                        ? gate.linearizable()
                        : null;
        if (outdated != null) {
            reply.fail(outdated);
            return;
        }
        propose(
                tenant.route().command().setTxn(request),
                refusal,
                request.getSerializedSize(),
                reply,
                response -> reply.ok(completed((TxnResponse) response)));
    }

    private TxnResponse readOnlyTxn(Tenant tenant, TxnRequest request) {
        try (ReadView view = node.store().view()) {
            return completed(new QueryExecutor(view).readOnlyTxn(tenant.keyspace(), request));
        }
    }

    private TxnResponse completed(TxnResponse response) {
        return response.toBuilder().setHeader(headers.complete(response.getHeader())).build();
    }

    @Override
    public void compact(CompactionRequest request, StreamObserver<CompactionResponse> observer) {
        Reply<CompactionResponse> reply = new Reply<>(observer);
        Tenant tenant = Tenant.current();
        propose(
                tenant.route().command().setCompact(request),
                null,
                request.getSerializedSize(),
                reply,
                response -> {
                    CompactionResponse compacted = (CompactionResponse) response;
                    CompactionResponse complete =
                            compacted.toBuilder()
                                    .setHeader(headers.complete(compacted.getHeader()))
                                    .build();
                    if (request.getPhysical()) {
                        awaitPhysical(tenant.keyspace(), request.getRevision(), complete, reply);
                    } else {
                        reply.ok(complete);
                    }
                });
    }

    private void awaitPhysical(
            int keyspace,
            long revision,
            CompactionResponse response,
            Reply<CompactionResponse> reply) {
        var _ =
                node.store()
                        .compacted(keyspace, revision)
                        .copy()
                        .orTimeout(limits.timeout().toMillis(), TimeUnit.MILLISECONDS)
                        .whenComplete((done, e) -> {
                            if (e == null) {
                                reply.ok(response);
                            } else {
                                reply.fail(ErrorMapper.status(e));
                            }
                        });
    }

    private void propose(
            Command.Builder command,
            @Nullable Refusal refusal,
            int encodedBytes,
            Reply<?> reply,
            Consumer<Message> answer) {
        Refusal refused = refusal;
        if (refused == null && limits.isTooLarge(encodedBytes)) {
            refused = Refusal.REQUEST_TOO_LARGE;
        }
        if (refused != null) {
            reply.fail(ErrorMapper.status(refused));
            return;
        }
        node.proposer().propose(command.build(), new CommandAnswer(reply, answer));
    }
}
