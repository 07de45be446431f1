package io.lattice.statemachine.apply;

import com.google.protobuf.ByteString;
import io.lattice.proto.command.Command;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.Compare.CompareResult;
import io.lattice.proto.etcdserverpb.Compare.CompareTarget;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import java.util.List;

/// Short ways to write requests in tests.
public final class Requests {
    private Requests() {}

    /// A key.
    public static ByteString key(String text) {
        return ByteString.copyFromUtf8(text);
    }

    /// A Put.
    public static PutRequest put(String key, String value) {
        return PutRequest.newBuilder().setKey(key(key)).setValue(key(value)).build();
    }

    /// A DeleteRange.
    public static DeleteRangeRequest delete(String key, String end) {
        return DeleteRangeRequest.newBuilder().setKey(key(key)).setRangeEnd(key(end)).build();
    }

    /// A Range of one key.
    public static RangeRequest range(String key) {
        return range(key, "");
    }

    /// A Range.
    public static RangeRequest range(String key, String end) {
        return RangeRequest.newBuilder().setKey(key(key)).setRangeEnd(key(end)).build();
    }

    /// A put operation.
    public static RequestOp op(PutRequest put) {
        return RequestOp.newBuilder().setRequestPut(put).build();
    }

    /// A range operation.
    public static RequestOp op(RangeRequest range) {
        return RequestOp.newBuilder().setRequestRange(range).build();
    }

    /// A delete operation.
    public static RequestOp del(String key, String end) {
        return RequestOp.newBuilder().setRequestDeleteRange(delete(key, end)).build();
    }

    /// A nested transaction.
    public static RequestOp nested(TxnRequest txn) {
        return RequestOp.newBuilder().setRequestTxn(txn).build();
    }

    /// A transaction without compares.
    public static TxnRequest success(RequestOp... operations) {
        return TxnRequest.newBuilder().addAllSuccess(List.of(operations)).build();
    }

    /// A compare with a number on one key.
    public static Compare compare(
            String key, CompareTarget target, CompareResult result, long number) {
        Compare.Builder compare =
                Compare.newBuilder().setKey(key(key)).setTarget(target).setResult(result);
        return switch (target) {
            case VERSION -> compare.setVersion(number).build();
            case CREATE -> compare.setCreateRevision(number).build();
            case MOD -> compare.setModRevision(number).build();
            case LEASE -> compare.setLease(number).build();
            case VALUE, UNRECOGNIZED -> throw new IllegalArgumentException("not a number");
        };
    }

    /// A command on the test keyspace.
    public static Command command(PutRequest put) {
        return base().setPut(put).build();
    }

    /// A command on the test keyspace.
    public static Command command(DeleteRangeRequest delete) {
        return base().setDeleteRange(delete).build();
    }

    /// A command on the test keyspace.
    public static Command command(TxnRequest txn) {
        return base().setTxn(txn).build();
    }

    /// A compaction of the test keyspace.
    public static Command compact(long revision) {
        return base().setCompact(CompactionRequest.newBuilder().setRevision(revision)).build();
    }

    private static Command.Builder base() {
        return Command.newBuilder().setKeyspace(StoreDriver.KEYSPACE);
    }
}
