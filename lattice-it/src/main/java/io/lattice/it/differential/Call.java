package io.lattice.it.differential;

import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.LeaseGrpc;
import io.lattice.proto.etcdserverpb.MaintenanceGrpc;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/// The calls that are compared.
public enum Call {
    RANGE("Range", KVGrpc.getRangeMethod()),
    RANGE_STREAM("RangeStream", KVGrpc.getRangeStreamMethod()),
    PUT("Put", KVGrpc.getPutMethod()),
    DELETE_RANGE("DeleteRange", KVGrpc.getDeleteRangeMethod()),
    TXN("Txn", KVGrpc.getTxnMethod()),
    COMPACT("Compact", KVGrpc.getCompactMethod()),
    HASH_KV("HashKV", MaintenanceGrpc.getHashKVMethod()),
    LEASE_GRANT("LeaseGrant", LeaseGrpc.getLeaseGrantMethod()),
    LEASE_REVOKE("LeaseRevoke", LeaseGrpc.getLeaseRevokeMethod()),
    LEASE_KEEP_ALIVE("LeaseKeepAlive", LeaseGrpc.getLeaseKeepAliveMethod()),
    LEASE_TIME_TO_LIVE("LeaseTimeToLive", LeaseGrpc.getLeaseTimeToLiveMethod()),
    LEASE_LEASES("LeaseLeases", LeaseGrpc.getLeaseLeasesMethod());

    private static final int MAX_MESSAGE_BYTES = 64 << 20;
    private static final long DEADLINE_SECONDS = 20;

    private final String title;

    @SuppressWarnings(
            "ImmutableEnumChecker") // A method descriptor never changes; it only lacks the mark.
    private final MethodDescriptor<?, ?> method;

    Call(String title, MethodDescriptor<?, ?> method) {
        this.title = title;
        this.method = method;
    }

    /// The call's name in etcd's API.
    public String title() {
        return title;
    }

    /// Sends `request`, on a stream as the only one, and completes, never exceptionally, with all that came back.
    public CompletableFuture<Reply> send(Channel channel, Message request) {
        Collector collector = new Collector();
        @SuppressWarnings("unchecked") // All our methods take and give protobuf messages.
        MethodDescriptor<Message, Message> typed = (MethodDescriptor<Message, Message>) method;
        CallOptions options =
                CallOptions.DEFAULT
                        .withMaxInboundMessageSize(MAX_MESSAGE_BYTES)
                        .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
        ClientCalls.asyncServerStreamingCall(channel.newCall(typed, options), request, collector);
        return collector.reply;
    }

    private static final class Collector implements StreamObserver<Message> {
        private final CompletableFuture<Reply> reply = new CompletableFuture<>();
        private final List<Message> messages = new ArrayList<>();

        @Override
        public void onNext(Message message) {
            messages.add(message);
        }

        @Override
        public void onError(Throwable error) {
            Status status = Status.fromThrowable(error);
            String text = status.getDescription();
            reply.complete(new Reply(messages, status.getCode(), text == null ? "" : text));
        }

        @Override
        public void onCompleted() {
            reply.complete(new Reply(messages, Status.Code.OK, ""));
        }
    }
}
