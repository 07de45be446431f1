package io.lattice.it.cluster;

import com.google.protobuf.ByteString;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.netty.NegotiationType;
import io.grpc.netty.NettyChannelBuilder;
import io.lattice.proto.etcdserverpb.ClusterGrpc;
import io.lattice.proto.etcdserverpb.HashKVRequest;
import io.lattice.proto.etcdserverpb.HashKVResponse;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.LeaseGrpc;
import io.lattice.proto.etcdserverpb.MaintenanceGrpc;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.StatusRequest;
import io.lattice.proto.etcdserverpb.StatusResponse;
import io.lattice.proto.etcdserverpb.TxnRequest;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// One connection to one node through our own stubs, without any retry. Thread safe.
public final class NodeClient implements AutoCloseable {
    private static final int MAX_MESSAGE_BYTES = 64 << 20;

    private static final long LONG_SECONDS = 20;

    /// etcd's `--max-txn-ops` by default.
    private static final int TXN_OPS = 128;

    private final ManagedChannel channel;
    private final Channel calls;

    private NodeClient(ManagedChannel channel, Channel calls) {
        this.channel = channel;
        this.calls = calls;
    }

    /// Connects lazily to `host:port`.
    ///
    /// @param tls null: plain text
    public static NodeClient connect(String host, int port, @Nullable TlsMaterial tls) {
        NettyChannelBuilder builder =
                NettyChannelBuilder.forAddress(host, port)
                        .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                        .disableRetry();
        if (tls == null) {
            builder.negotiationType(NegotiationType.PLAINTEXT);
        } else {
            builder.sslContext(tls.clientContext());
        }
        ManagedChannel channel = builder.build();
        return new NodeClient(channel, channel);
    }

    /// The same connection, with this class' calls naming a tenant. Either end closes it.
    public NodeClient naming(String tenant) {
        return new NodeClient(channel, TenantChannels.naming(channel, tenant));
    }

    /// The bare channel, for stubs that this class has no accessor for.
    public ManagedChannel channel() {
        return channel;
    }

    /// KV calls that give up after `seconds`.
    public KVGrpc.KVBlockingStub kv(long seconds) {
        return KVGrpc.newBlockingStub(calls)
                .withMaxInboundMessageSize(MAX_MESSAGE_BYTES)
                .withDeadlineAfter(seconds, TimeUnit.SECONDS);
    }

    /// Maintenance calls that give up after `seconds`.
    public MaintenanceGrpc.MaintenanceBlockingStub maintenance(long seconds) {
        return MaintenanceGrpc.newBlockingStub(calls).withDeadlineAfter(seconds, TimeUnit.SECONDS);
    }

    /// Cluster calls that give up after `seconds`.
    public ClusterGrpc.ClusterBlockingStub cluster(long seconds) {
        return ClusterGrpc.newBlockingStub(calls).withDeadlineAfter(seconds, TimeUnit.SECONDS);
    }

    /// The node's own view of the cluster.
    public StatusResponse status() {
        // A channel that has seen a refused connection waits up to two minutes before it tries
        // again.
        channel.resetConnectBackoff();
        return maintenance(2).status(StatusRequest.getDefaultInstance());
    }

    /// A linearizable read of a key that need not exist: succeeds only with a quorum.
    public RangeResponse linearizableProbe() {
        channel.resetConnectBackoff();
        return kv(2).range(
                        RangeRequest.newBuilder()
                                .setKey(ByteString.copyFromUtf8("health"))
                                .build());
    }

    /// The hash of the node's content at `revision`; 0: its current one.
    public HashKVResponse hashKv(long revision) {
        channel.resetConnectBackoff();
        return maintenance(30).hashKV(HashKVRequest.newBuilder().setRevision(revision).build());
    }

    /// Grants a lease and puts keys with it: the prefix and six digits, from 0 on.
    public void grantWithKeys(long lease, long ttlSeconds, String prefix, int keys) {
        var _ =
                LeaseGrpc.newBlockingStub(calls)
                        .withDeadlineAfter(LONG_SECONDS, TimeUnit.SECONDS)
                        .leaseGrant(
                                LeaseGrantRequest.newBuilder()
                                        .setID(lease)
                                        .setTTL(ttlSeconds)
                                        .build());
        for (int from = 0; from < keys; from += TXN_OPS) {
            TxnRequest.Builder txn = TxnRequest.newBuilder();
            for (int i = from; i < Math.min(keys, from + TXN_OPS); i++) {
                ByteString key = ByteString.copyFromUtf8(prefix + "%06d".formatted(i));
                txn.addSuccess(
                        RequestOp.newBuilder()
                                .setRequestPut(
                                        PutRequest.newBuilder().setKey(key).setLease(lease)));
            }
            var _ = kv(LONG_SECONDS).txn(txn.build());
        }
    }

    @Override
    public void close() {
        channel.shutdownNow();
        try {
            channel.awaitTermination(5, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
