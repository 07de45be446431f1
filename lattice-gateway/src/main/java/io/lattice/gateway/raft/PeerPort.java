package io.lattice.gateway.raft;

import com.google.protobuf.ByteString;
import java.util.EnumSet;
import java.util.function.Function;
import org.apache.ratis.grpc.server.GrpcServices;
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
    @Override
    public NettyServerBuilder customize(
            NettyServerBuilder builder, EnumSet<GrpcServices.Type> types) {
        if (!types.contains(GrpcServices.Type.SERVER)) {
            return builder;
        }
        if (tls != null) {
            builder.sslContext(tls);
        }
        // Nothing that is asked here waits for another answer, so the event loop may serve it; a
        // hand-over costs more than most answers.
        return builder.directExecutor().intercept(guard).addService(PeerServer.service(groups));
    }
}
