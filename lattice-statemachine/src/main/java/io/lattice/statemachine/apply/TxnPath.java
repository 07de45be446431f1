package io.lattice.statemachine.apply;

import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.statemachine.mvcc.KeyReader;
import java.util.ArrayList;
import java.util.List;

/// Which way a transaction goes: decided for it and everything nested on that way before anything is changed, so that no
/// compare sees an effect of the transaction itself.
///
/// @param succeeded whether the compares held
/// @param operations the operations of the branch taken
/// @param nested the ways of the nested transactions among them, in order
record TxnPath(boolean succeeded, List<RequestOp> operations, List<TxnPath> nested) {
    static TxnPath choose(KeyReader reader, TxnRequest request) {
        boolean succeeded = Compares.allHold(reader, request.getCompareList());
        List<RequestOp> operations =
                succeeded ? request.getSuccessList() : request.getFailureList();
        List<TxnPath> nested = List.of();
        for (RequestOp operation : operations) {
            if (operation.hasRequestTxn()) {
                if (nested.isEmpty()) {
                    nested = new ArrayList<>();
                }
                nested.add(choose(reader, operation.getRequestTxn()));
            }
        }
        return new TxnPath(succeeded, operations, nested);
    }
}
