package io.lattice.statemachine.apply;

import com.google.protobuf.ByteString;
import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeRequest.SortOrder;
import io.lattice.proto.etcdserverpb.RangeRequest.SortTarget;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.RequestOp.RequestCase;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.statemachine.mvcc.RangeReader;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The checks that need no state: the gateway makes them before it proposes or reads, and applying relies on them. Each
/// returns what to answer, or null if the request may go on. Pure, any thread.
public final class RequestChecks {
    /// etcd's bound, `lease.MaxLeaseTTL`.
    private static final long LEASE_TTL_SECONDS_MAX = 9_000_000_000L;

    private RequestChecks() {}

    /// Checks a Range request.
    public static @Nullable Refusal check(RangeRequest request) {
        if (request.getKey().isEmpty()) {
            return Refusal.EMPTY_KEY;
        }
        boolean unknownSort =
                request.getSortOrder() == SortOrder.UNRECOGNIZED
                        || request.getSortTarget() == SortTarget.UNRECOGNIZED;
        return unknownSort ? Refusal.INVALID_SORT_OPTION : null;
    }

    /// Checks a RangeStream request.
    public static @Nullable Refusal checkStream(RangeRequest request) {
        Refusal refusal = check(request);
        if (refusal != null) {
            return refusal;
        }
        if (!RangeReader.isDefaultOrder(request)) {
            return Refusal.STREAM_SORT_UNSUPPORTED;
        }
        return RangeReader.hasRevisionFilters(request) ? Refusal.STREAM_FILTER_UNSUPPORTED : null;
    }

    /// Checks a Put request.
    public static @Nullable Refusal check(PutRequest request) {
        if (request.getKey().isEmpty()) {
            return Refusal.EMPTY_KEY;
        }
        if (request.getIgnoreValue() && !request.getValue().isEmpty()) {
            return Refusal.VALUE_PROVIDED;
        }
        return request.getIgnoreLease() && request.getLease() != 0 ? Refusal.LEASE_PROVIDED : null;
    }

    /// Checks a DeleteRange request.
    public static @Nullable Refusal check(DeleteRangeRequest request) {
        return request.getKey().isEmpty() ? Refusal.EMPTY_KEY : null;
    }

    /// Checks a Txn request through all nesting.
    ///
    /// @param maxOps how many compares, success or failure operations it may have; a nested transaction has what its ancestors
    ///     left of it
    public static @Nullable Refusal check(TxnRequest request, int maxOps) {
        Refusal refusal = checkOperations(request, maxOps);
        if (refusal != null) {
            return refusal;
        }
        boolean overlaps =
                new BranchKeys().addBranch(request.getSuccessList())
                        || new BranchKeys().addBranch(request.getFailureList());
        return overlaps ? Refusal.DUPLICATE_KEY : null;
    }

    /// Checks a LeaseGrant request. Comes before the question whether the lease exists.
    public static @Nullable Refusal check(LeaseGrantRequest request) {
        return request.getTTL() > LEASE_TTL_SECONDS_MAX ? Refusal.LEASE_TTL_TOO_LARGE : null;
    }

    /// Whether a transaction can be answered without the log: all its operations are ranges. One with a nested transaction
    /// never is, as in etcd.
    public static boolean isReadOnly(TxnRequest request) {
        return request.getSuccessList().stream().allMatch(RequestOp::hasRequestRange)
                && request.getFailureList().stream().allMatch(RequestOp::hasRequestRange);
    }

    /// Whether a transaction depends on what is stored: it compares, or has a range, on either way, nested ones included.
    public static boolean readsOrCompares(TxnRequest request) {
        return request.getCompareCount() > 0
                || request.getSuccessList().stream().anyMatch(RequestChecks::readsOrCompares)
                || request.getFailureList().stream().anyMatch(RequestChecks::readsOrCompares);
    }

    private static boolean readsOrCompares(RequestOp operation) {
        return operation.hasRequestRange()
                || (operation.hasRequestTxn() && readsOrCompares(operation.getRequestTxn()));
    }

    /// Whether a transaction has a put, on either way, nested ones included.
    static boolean hasPut(TxnRequest request) {
        return request.getSuccessList().stream().anyMatch(RequestChecks::hasPut)
                || request.getFailureList().stream().anyMatch(RequestChecks::hasPut);
    }

    private static boolean hasPut(RequestOp operation) {
        return operation.hasRequestPut()
                || (operation.hasRequestTxn() && hasPut(operation.getRequestTxn()));
    }

    /// Whether a read-only transaction may be answered from local state: all its ranges are serializable.
    public static boolean isSerializable(TxnRequest request) {
        return request.getSuccessList().stream().allMatch(RequestChecks::isSerializableRange)
                && request.getFailureList().stream().allMatch(RequestChecks::isSerializableRange);
    }

    private static boolean isSerializableRange(RequestOp operation) {
        return operation.hasRequestRange() && operation.getRequestRange().getSerializable();
    }

    private static @Nullable Refusal checkOperations(TxnRequest request, int maxOps) {
        int operations =
                Math.max(
                        request.getCompareCount(),
                        Math.max(request.getSuccessCount(), request.getFailureCount()));
        if (operations > maxOps) {
            return Refusal.TOO_MANY_OPS;
        }
        for (Compare compare : request.getCompareList()) {
            if (compare.getKey().isEmpty()) {
                return Refusal.EMPTY_KEY;
            }
        }
        Refusal refusal = checkAll(request.getSuccessList(), maxOps - operations);
        return refusal != null ? refusal : checkAll(request.getFailureList(), maxOps - operations);
    }

    private static @Nullable Refusal checkAll(List<RequestOp> operations, int maxNestedOps) {
        for (RequestOp operation : operations) {
            Refusal refusal =
                    switch (operation.getRequestCase()) {
                        case REQUEST_RANGE -> check(operation.getRequestRange());
                        case REQUEST_PUT -> check(operation.getRequestPut());
                        case REQUEST_DELETE_RANGE -> check(operation.getRequestDeleteRange());
                        case REQUEST_TXN ->
                                checkOperations(operation.getRequestTxn(), maxNestedOps);
                        case REQUEST_NOT_SET -> Refusal.KEY_NOT_FOUND;
                    };
            if (refusal != null) {
                return refusal;
            }
        }
        return null;
    }

    /// The keys that a list of operations puts and deletes, gathered in etcd's order, which decides: this level's deletes,
    /// then the nested transactions one by one, then this level's puts. A nested delete thus rejects puts that come after it
    /// in this order, not before. The two branches of one nested transaction may put the same key, since only one runs. A
    /// `range_end` of one zero byte is not expanded: such an interval is inverted and meets no put.
    private static final class BranchKeys {
        private final Set<ByteString> puts = new HashSet<>();
        private final KeyIntervals deletes = new KeyIntervals();

        /// Gathers a branch; true if a put meets another put or a delete.
        boolean addBranch(List<RequestOp> operations) {
            for (RequestOp operation : operations) {
                if (operation.hasRequestDeleteRange()) {
                    addDelete(operation.getRequestDeleteRange());
                }
            }
            for (RequestOp operation : operations) {
                if (operation.hasRequestTxn() && addNested(operation.getRequestTxn())) {
                    return true;
                }
            }
            for (RequestOp operation : operations) {
                if (operation.getRequestCase() == RequestCase.REQUEST_PUT) {
                    ByteString key = operation.getRequestPut().getKey();
                    if (deletes.contains(key) || !puts.add(key)) {
                        return true;
                    }
                }
            }
            return false;
        }

        private void addDelete(DeleteRangeRequest delete) {
            if (delete.getRangeEnd().isEmpty()) {
                deletes.add(delete.getKey());
            } else {
                deletes.add(delete.getKey(), delete.getRangeEnd());
            }
        }

        private boolean addNested(TxnRequest nested) {
            BranchKeys success = new BranchKeys();
            BranchKeys failure = new BranchKeys();
            if (success.addBranch(nested.getSuccessList())
                    || failure.addBranch(nested.getFailureList())) {
                return true;
            }
            for (ByteString key : success.puts) {
                if (deletes.contains(key) || !puts.add(key)) {
                    return true;
                }
            }
            for (ByteString key : failure.puts) {
                boolean isNew = puts.add(key);
                if (deletes.contains(key) || (!isNew && !success.puts.contains(key))) {
                    return true;
                }
            }
            deletes.addAll(success.deletes);
            deletes.addAll(failure.deletes);
            return false;
        }
    }
}
