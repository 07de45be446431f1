package io.lattice.statemachine.apply;

import com.google.protobuf.ByteString;
import io.lattice.proto.command.Command;
import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.statemachine.mvcc.KeyRange;
import java.util.ArrayList;
import java.util.List;

/// Which keys a command may read or write, whichever way a transaction takes.
final class TouchedKeys {
    private final int keyspace;
    private final List<KeyRange> ranges = new ArrayList<>(1);

    private TouchedKeys(int keyspace) {
        this.keyspace = keyspace;
    }

    /// The ranges that a command names; those of leases and of the cluster's own commands name none.
    static List<KeyRange> of(Command command) {
        TouchedKeys touched = new TouchedKeys(command.getKeyspace());
        switch (command.getOperationCase()) {
            case PUT -> touched.add(command.getPut().getKey(), ByteString.EMPTY);
            case DELETE_RANGE ->
                    touched.add(
                            command.getDeleteRange().getKey(),
                            command.getDeleteRange().getRangeEnd());
            case TXN -> touched.add(command.getTxn());
            default -> {
                // Names no keys.
            }
        }
        return touched.ranges;
    }

    private void add(ByteString key, ByteString rangeEnd) {
        ranges.add(KeyRange.of(keyspace, key, rangeEnd));
    }

    private void add(TxnRequest txn) {
        for (Compare compare : txn.getCompareList()) {
            add(compare.getKey(), compare.getRangeEnd());
        }
        txn.getSuccessList().forEach(this::add);
        txn.getFailureList().forEach(this::add);
    }

    private void add(RequestOp operation) {
        switch (operation.getRequestCase()) {
            case REQUEST_RANGE ->
                    add(
                            operation.getRequestRange().getKey(),
                            operation.getRequestRange().getRangeEnd());
            case REQUEST_PUT -> add(operation.getRequestPut().getKey(), ByteString.EMPTY);
            case REQUEST_DELETE_RANGE ->
                    add(
                            operation.getRequestDeleteRange().getKey(),
                            operation.getRequestDeleteRange().getRangeEnd());
            case REQUEST_TXN -> add(operation.getRequestTxn());
            case REQUEST_NOT_SET -> {
                // Names no keys.
            }
        }
    }
}
