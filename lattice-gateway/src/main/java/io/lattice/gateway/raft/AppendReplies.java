package io.lattice.gateway.raft;

import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto.AppendResult;
import org.apache.ratis.proto.grpc.RaftServerProtocolServiceGrpc;
import org.apache.ratis.thirdparty.com.google.common.util.concurrent.MoreExecutors;
import org.apache.ratis.thirdparty.io.grpc.CallOptions;
import org.apache.ratis.thirdparty.io.grpc.Channel;
import org.apache.ratis.thirdparty.io.grpc.ClientCall;
import org.apache.ratis.thirdparty.io.grpc.ClientInterceptor;
import org.apache.ratis.thirdparty.io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import org.apache.ratis.thirdparty.io.grpc.InternalConfigurator;
import org.apache.ratis.thirdparty.io.grpc.InternalConfiguratorRegistry;
import org.apache.ratis.thirdparty.io.grpc.ManagedChannelBuilder;
import org.apache.ratis.thirdparty.io.grpc.Metadata;
import org.apache.ratis.thirdparty.io.grpc.MethodDescriptor;
import org.apache.ratis.thirdparty.io.grpc.Status;

/// Has a leader take followers' answers on the event loop that reads them. Ratis' channels hand each to gRPC's pool, which costs
/// a wake-up for each follower and entry, and Ratis offers no setting for it.
///
/// An answer that the follower has what was sent is noted and passed on, without waiting. Any other goes to a thread of its own, with
/// what follows it until that is done: one that says that this node isn't the leader makes Ratis wait for its server's lock, whose holder may
/// wait for votes that the same event loop reads, and one that something is missing waits for a sender that reads the log. So does the end
/// of a stream, since gRPC may tell it within the call that opens the stream, before Ratis has noted that it has one: it would
/// never give up a stream that has ended.
final class AppendReplies implements ClientInterceptor {
    private static final String METHOD =
            RaftServerProtocolServiceGrpc.getAppendEntriesMethod().getFullMethodName();

    /// gRPC lets itself be configured once in a process.
    private static final class Registration {
        private static final boolean DONE = register();

        private static boolean register() {
            InternalConfiguratorRegistry.setConfigurators(
                    List.of(
                            new InternalConfigurator() {
                                @Override
                                public void configureChannelBuilder(
                                        ManagedChannelBuilder<?> builder) {
                                    builder.intercept(new AppendReplies());
                                }
                            }));
            return true;
        }
    }

    private AppendReplies() {}

    /// For all channels that Ratis makes in this process from now on.
    static void onEventLoops() {
        if (!Registration.DONE) {
            throw new IllegalStateException("gRPC isn't configured");
        }
    }

    @Override
    public <Q, R> ClientCall<Q, R> interceptCall(
            MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
        if (!method.getFullMethodName().equals(METHOD)) {
            return next.newCall(method, options);
        }
        return new SimpleForwardingClientCall<>(
                next.newCall(method, options.withExecutor(Runnable::run))) {
            @Override
            public void start(Listener<R> listener, Metadata headers) {
                super.start(new Replies<>(listener), headers);
            }
        };
    }

    /// What comes on one stream. gRPC calls one method at a time.
    private static final class Replies<R> extends ClientCall.Listener<R> {
        private final ClientCall.Listener<R> ratis;
        private final Executor thread =
                MoreExecutors.newSequentialExecutor(
                        task -> Thread.ofVirtual().name("append-reply").start(task));

        /// What the thread still has to do.
        private final AtomicInteger left = new AtomicInteger();

        Replies(ClientCall.Listener<R> ratis) {
            this.ratis = ratis;
        }

        private void inTurn(boolean quick, Runnable event) {
            if (quick && left.get() == 0) {
                event.run();
                return;
            }
            left.incrementAndGet();
            thread.execute(() -> {
                try {
                    event.run();
                } finally {
                    left.decrementAndGet();
                }
            });
        }

        @Override
        public void onHeaders(Metadata headers) {
            inTurn(true, () -> ratis.onHeaders(headers));
        }

        @Override
        public void onMessage(R message) {
            boolean quick =
                    message instanceof AppendEntriesReplyProto reply
                            && reply.getResult() == AppendResult.SUCCESS;
            inTurn(quick, () -> ratis.onMessage(message));
        }

        @Override
        public void onClose(Status status, Metadata trailers) {
            inTurn(false, () -> ratis.onClose(status, trailers));
        }

        @Override
        public void onReady() {
            inTurn(true, ratis::onReady);
        }
    }
}
