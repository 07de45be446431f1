package io.lattice.statemachine.apply;

import io.lattice.proto.etcdserverpb.DeleteRangeResponse;
import io.lattice.proto.etcdserverpb.PutResponse;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.proto.etcdserverpb.ResponseOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.TxnResponse;
import io.lattice.statemachine.mvcc.KeyReader;
import io.lattice.statemachine.mvcc.RangeReader;
import io.lattice.statemachine.mvcc.WriteTxn;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/// Runs a transaction in three steps: choose the way by the compares, check every operation on that way against the state
/// before the transaction, then execute in order.
///
/// One refusal can come up only while executing, where etcd panics: a put with `ignore_value` or `ignore_lease` whose key an
/// earlier operation of the same transaction deleted. The whole transaction is then taken back and answers "key not found".
public final class TxnExecutor {
    private final KeyReader reader;
    private final @Nullable WriteTxn txn;
    private final boolean wantsResponse;

    private TxnExecutor(KeyReader reader, @Nullable WriteTxn txn, boolean wantsResponse) {
        this.reader = reader;
        this.txn = txn;
        this.wantsResponse = wantsResponse;
    }

    /// Runs a transaction that only reads, see [RequestChecks#isReadOnly(TxnRequest)].
    public static Outcome read(KeyReader reader, TxnRequest request) {
        return new TxnExecutor(reader, null, true).run(request, LeaseLookup.NONE);
    }

    /// Runs a transaction on the log's behalf. The caller commits or, on a refusal, aborts `txn`. Without `wantsResponse` ranges
    /// aren't even executed.
    static Outcome write(
            WriteTxn txn, TxnRequest request, LeaseLookup leases, boolean wantsResponse) {
        return new TxnExecutor(txn, txn, wantsResponse).run(request, leases);
    }

    private Outcome run(TxnRequest request, LeaseLookup leases) {
        TxnPath path = TxnPath.choose(reader, request);
        Refusal refusal = check(path, leases);
        TxnResponse.Builder response = TxnResponse.newBuilder();
        if (refusal == null) {
            refusal = execute(path, response);
        }
        if (refusal != null) {
            return new Outcome.Refused(refusal);
        }
        long revision = reader.revision();
        return new Outcome.Applied(
                response.setHeader(KeyOperations.header(revision)).build(), revision);
    }

    private @Nullable Refusal check(TxnPath path, LeaseLookup leases) {
        Iterator<TxnPath> nested = path.nested().iterator();
        for (RequestOp operation : path.operations()) {
            Refusal refusal =
                    switch (operation.getRequestCase()) {
                        case REQUEST_RANGE -> checkRevision(operation.getRequestRange());
                        case REQUEST_PUT ->
                                KeyOperations.check(reader, operation.getRequestPut(), leases);
                        case REQUEST_TXN -> check(nested.next(), leases);
                        case REQUEST_DELETE_RANGE, REQUEST_NOT_SET -> null;
                    };
            if (refusal != null) {
                return refusal;
            }
        }
        return null;
    }

    /// Stricter than outside a transaction: only zero stands for the newest revision, so a negative one is compacted.
    private @Nullable Refusal checkRevision(RangeRequest range) {
        long revision = range.getRevision();
        if (revision == 0) {
            return null;
        }
        if (revision > reader.revision()) {
            return Refusal.FUTURE_REVISION;
        }
        return revision < reader.compactRevision() ? Refusal.COMPACTED : null;
    }

    private @Nullable Refusal execute(TxnPath path, TxnResponse.Builder response) {
        response.setSucceeded(path.succeeded());
        Iterator<TxnPath> nested = path.nested().iterator();
        for (RequestOp operation : path.operations()) {
            ResponseOp.Builder answer = wantsResponse ? response.addResponsesBuilder() : null;
            Refusal refusal =
                    switch (operation.getRequestCase()) {
                        case REQUEST_RANGE -> executeRange(operation, answer);
                        case REQUEST_PUT -> executePut(operation, answer);
                        case REQUEST_DELETE_RANGE -> executeDelete(operation, answer);
                        case REQUEST_TXN -> executeNested(nested.next(), answer);
                        case REQUEST_NOT_SET -> null;
                    };
            if (refusal != null) {
                return refusal;
            }
        }
        return null;
    }

    private @Nullable Refusal executeRange(
            RequestOp operation, ResponseOp.@Nullable Builder answer) {
        if (answer != null) {
            answer.setResponseRange(RangeReader.read(reader, operation.getRequestRange()));
        }
        return null;
    }

    private @Nullable Refusal executePut(RequestOp operation, ResponseOp.@Nullable Builder answer) {
        PutResponse.Builder response = answer != null ? PutResponse.newBuilder() : null;
        Refusal refusal = KeyOperations.put(writer(), operation.getRequestPut(), response);
        if (answer != null && response != null) {
            answer.setResponsePut(response);
        }
        return refusal;
    }

    private @Nullable Refusal executeDelete(
            RequestOp operation, ResponseOp.@Nullable Builder answer) {
        DeleteRangeResponse.Builder response =
                answer != null ? DeleteRangeResponse.newBuilder() : null;
        KeyOperations.delete(writer(), operation.getRequestDeleteRange(), response);
        if (answer != null && response != null) {
            answer.setResponseDeleteRange(response);
        }
        return null;
    }

    private @Nullable Refusal executeNested(TxnPath path, ResponseOp.@Nullable Builder answer) {
        TxnResponse.Builder response =
                TxnResponse.newBuilder().setHeader(ResponseHeader.getDefaultInstance());
        Refusal refusal = execute(path, response);
        if (answer != null) {
            answer.setResponseTxn(response);
        }
        return refusal;
    }

    private WriteTxn writer() {
        if (txn == null) {
            throw new IllegalStateException("a read-only transaction came with a write");
        }
        return txn;
    }
}
