package io.lattice.gateway.grpc;

import io.grpc.MethodDescriptor;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.protobuf.ProtoUtils;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.TxnResponse;

/// Lets txns nest as deep as the limit on operations allows, two messages a level. By default protobuf's parser for
/// Java stops at 100 messages, which no client of etcd would expect.
public final class DeepTxns {
    private static final int RECURSION_LIMIT = 600;

    private DeepTxns() {}

    /// `service` with a wider parser for the requests of Txn.
    public static ServerServiceDefinition widen(ServerServiceDefinition service) {
        String txn = KVGrpc.getTxnMethod().getFullMethodName();
        return ServiceMethods.map(
                service,
                method ->
                        method.getMethodDescriptor().getFullMethodName().equals(txn)
                                ? widened(method)
                                : method);
    }

    @SuppressWarnings("unchecked") // the method's name says its types
    private static ServerMethodDefinition<?, ?> widened(ServerMethodDefinition<?, ?> method) {
        ServerMethodDefinition<TxnRequest, TxnResponse> txn =
                (ServerMethodDefinition<TxnRequest, TxnResponse>) method;
        MethodDescriptor<TxnRequest, TxnResponse> descriptor =
                txn.getMethodDescriptor().toBuilder()
                        .setRequestMarshaller(
                                ProtoUtils.marshallerWithRecursionLimit(
                                        TxnRequest.getDefaultInstance(), RECURSION_LIMIT))
                        .build();
        return ServerMethodDefinition.create(descriptor, txn.getServerCallHandler());
    }
}
