package io.lattice.gateway.grpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.lattice.gateway.admission.FairExecutor;
import io.lattice.gateway.admission.Tenant;
import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.gateway.raft.Proposer;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.proto.command.Command;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.DeleteRangeResponse;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.TxnResponse;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.apply.Refusal;
import io.lattice.statemachine.apply.RequestChecks;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.query.QueryExecutor;
import java.security.SecureRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/// Calls on one tenant's keys and leases for services that are made of several, as a client of etcd would make them. They
/// block, so they are for virtual threads only. All throw [StatusRuntimeException] with what a client of the single call would
/// have been told.
final class TenantCalls {
    private final Tenant tenant;
    private final Node node;

    /// What the calls of all tenants share.
    ///
    /// @param scans runs reads that may take long
    /// @param gate what claims to be linearizable has to pass it, and grants too
    record Node(
            RaftNode raft,
            Headers headers,
            RequestLimits limits,
            FairExecutor scans,
            ReadGate gate) {}

    private static final SecureRandom RANDOM = new SecureRandom();

    TenantCalls(Tenant tenant, Node node) {
        this.tenant = tenant;
        this.node = node;
    }

    /// A watch of `key`, from `revision` on.
    ///
    /// @param rangeEnd empty for the key alone
    KeyEvents watch(ByteString key, ByteString rangeEnd, long revision) {
        return new KeyEvents(node.raft(), tenant.keyspace(), key, rangeEnd, revision);
    }

    ResponseHeader header(long revision) {
        return node.headers().at(revision);
    }

    /// A linearizable read.
    RangeResponse range(RangeRequest request) throws InterruptedException {
        refuse(RequestChecks.check(request));
        CompletableFuture<RangeResponse> read = new CompletableFuture<>();
        node.gate().await(() -> place(read, request), read::completeExceptionally);
        return await(read);
    }

    private void place(CompletableFuture<RangeResponse> read, RangeRequest request) {
        try {
            node.scans().of(tenant.keyspace()).execute(() -> read(read, request));
        } catch (RuntimeException e) {
            read.completeExceptionally(e);
        }
    }

    private void read(CompletableFuture<RangeResponse> read, RangeRequest request) {
        try (ReadView view = node.raft().store().view()) {
            RangeResponse response = new QueryExecutor(view).range(tenant.keyspace(), request);
            read.complete(
                    response.toBuilder()
                            .setHeader(node.headers().complete(response.getHeader()))
                            .build());
        } catch (RuntimeException e) {
            read.completeExceptionally(e);
        }
    }

    /// A txn that may write.
    TxnResponse txn(TxnRequest request) throws InterruptedException {
        refuse(RequestChecks.check(request, node.limits().txnOps()));
        refuseLarge(request);
        if (RequestChecks.readsOrCompares(request)) {
            refuse(node.gate().linearizable());
        }
        TxnResponse response = (TxnResponse) propose(command().setTxn(request).build());
        return response.toBuilder()
                .setHeader(node.headers().complete(response.getHeader()))
                .build();
    }

    DeleteRangeResponse delete(ByteString key) throws InterruptedException {
        DeleteRangeRequest request = DeleteRangeRequest.newBuilder().setKey(key).build();
        refuse(RequestChecks.check(request));
        refuseLarge(request);
        DeleteRangeResponse response =
                (DeleteRangeResponse) propose(command().setDeleteRange(request).build());
        return response.toBuilder()
                .setHeader(node.headers().complete(response.getHeader()))
                .build();
    }

    /// Grants a lease of this node's choice, whose TTL is within the tenant's bounds.
    long grant(long ttlSeconds) throws InterruptedException {
        refuse(node.gate().administration());
        while (true) {
            long id = 1 + RANDOM.nextLong(Long.MAX_VALUE);
            Outcome outcome =
                    outcome(
                            command()
                                    .setLeaseGrant(
                                            LeaseGrantRequest.newBuilder()
                                                    .setID(id)
                                                    .setTTL(tenant.leaseTtl().grant(ttlSeconds)))
                                    .build());
            // By chance there may be one of that id.
            if (!outcome.equals(new Outcome.Refused(Refusal.LEASE_EXISTS))) {
                var _ = applied(outcome);
                return id;
            }
        }
    }

    private Command.Builder command() {
        return tenant.route().command();
    }

    private static void refuse(@Nullable Refusal refusal) {
        if (refusal != null) {
            throw ErrorMapper.status(refusal).asRuntimeException();
        }
    }

    private static void refuse(@Nullable StatusRuntimeException refusal) {
        if (refusal != null) {
            throw refusal;
        }
    }

    private void refuseLarge(Message request) {
        refuse(
                node.limits().isTooLarge(request.getSerializedSize())
                        ? Refusal.REQUEST_TOO_LARGE
                        : null);
    }

    private Message propose(Command command) throws InterruptedException {
        return applied(outcome(command));
    }

    private static Message applied(Outcome outcome) {
        return switch (outcome) {
            case Outcome.Applied applied -> applied.response();
            case Outcome.Refused refused ->
                    throw ErrorMapper.status(refused.refusal()).asRuntimeException();
        };
    }

    private Outcome outcome(Command command) throws InterruptedException {
        CompletableFuture<Outcome> decided = new CompletableFuture<>();
        node.raft()
                .proposer()
                .propose(
                        command,
                        new Proposer.Completion() {
                            @Override
                            public void done(Outcome outcome) {
                                decided.complete(outcome);
                            }

                            @Override
                            public void failed(ProposalFailure failure) {
                                decided.completeExceptionally(
                                        ErrorMapper.status(failure).asRuntimeException());
                            }
                        });
        return await(decided);
    }

    private static <T> T await(CompletableFuture<T> future) throws InterruptedException {
        try {
            return future.get();
        } catch (ExecutionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            // With the details, if it has some.
            throw ErrorMapper.status(cause)
                    .withCause(e)
                    .asRuntimeException(Status.trailersFromThrowable(cause));
        }
    }
}
