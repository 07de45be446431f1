package io.lattice.gateway.raft;

import com.google.protobuf.ByteString;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadFactory;
import java.util.function.Function;
import org.apache.ratis.grpc.server.GrpcServices;
import org.apache.ratis.proto.grpc.RaftServerProtocolServiceGrpc;
import org.apache.ratis.thirdparty.io.grpc.Metadata;
import org.apache.ratis.thirdparty.io.grpc.ServerCall;
import org.apache.ratis.thirdparty.io.grpc.ServerCallExecutorSupplier;
import org.apache.ratis.thirdparty.io.grpc.netty.NettyServerBuilder;
import org.jspecify.annotations.Nullable;

/// The Raft port as Ratis opens it, with our service beside Ratis' own, the guard before both, and TLS that follows its
/// files.
///
/// @param tls null for plain text
/// @param groups who answers for a group, by its 16 bytes
record PeerPort(
        @Nullable PeerServerTls tls,
        PeerGuard guard,
        Function<ByteString, PeerServer.Handler> groups)
        implements GrpcServices.Customizer {
    private static final Aside ASIDE = new Aside();

    @Override
    public NettyServerBuilder customize(
            NettyServerBuilder builder, EnumSet<GrpcServices.Type> types) {
        if (!types.contains(GrpcServices.Type.SERVER)) {
            return builder;
        }
        if (tls != null) {
            builder.sslContext(tls);
        }
        return builder.directExecutor()
                .callExecutor(ASIDE)
                .intercept(guard)
                .addService(PeerServer.service(groups));
    }

    /// The event loop serves what never waits for another answer: a hand-over costs more than most answers. A vote waits for a
    /// sync and for the end of this node's own election, a part of a snapshot for the disk.
    private static final class Aside implements ServerCallExecutorSupplier {
        private static final Set<String> METHODS =
                Set.of(
                        RaftServerProtocolServiceGrpc.getRequestVoteMethod().getFullMethodName(),
                        RaftServerProtocolServiceGrpc.getStartLeaderElectionMethod()
                                .getFullMethodName(),
                        RaftServerProtocolServiceGrpc.getInstallSnapshotMethod()
                                .getFullMethodName());

        private final ThreadFactory threads = Thread.ofVirtual().name("raft-port").factory();

        @Override
        public <Q, R> @Nullable Executor getExecutor(ServerCall<Q, R> call, Metadata headers) {
            return METHODS.contains(call.getMethodDescriptor().getFullMethodName())
                    ? task -> threads.newThread(task).start()
                    : null;
        }
    }
}
