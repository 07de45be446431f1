package io.lattice.gateway.raft;

import java.util.function.Function;
import java.util.function.Predicate;
import org.apache.ratis.conf.Parameters;
import org.apache.ratis.grpc.GrpcFactory;
import org.apache.ratis.grpc.server.GrpcServices;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.rpc.RpcFactory;
import org.apache.ratis.rpc.RpcType;
import org.apache.ratis.rpc.SupportedRpcType;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.leader.FollowerInfo;
import org.apache.ratis.server.leader.LeaderState;
import org.apache.ratis.server.leader.LogAppender;

/// Ratis over gRPC, with what we put in its way: senders that push commits, and appends that take turns.
///
/// @param pushers of each group, which make its senders to followers
/// @param installing whether a group has a snapshot that came whole but isn't in force yet
record RatisTransport(
        Function<RaftGroupId, CommitPusher> pushers, Predicate<RaftGroupId> installing) {
    private static final String PARAMETER = "lattice.transport";

    /// Hands this to the factory that Ratis will make by [Type].
    void register(Parameters parameters) {
        parameters.put(PARAMETER, this, RatisTransport.class);
    }

    /// Found by Ratis by its class name.
    public static final class Type implements RpcType {
        /// Called by Ratis, reflectively.
        public Type() {}

        @Override
        public String name() {
            return Type.class.getName();
        }

        @Override
        public RpcFactory newFactory(Parameters parameters) {
            return new Factory(parameters, parameters.get(PARAMETER, RatisTransport.class));
        }
    }

    private static final class Factory extends GrpcFactory {
        private final RatisTransport transport;

        Factory(Parameters parameters, RatisTransport transport) {
            super(parameters);
            this.transport = transport;
        }

        @Override
        public SupportedRpcType getRpcType() {
            return SupportedRpcType.GRPC;
        }

        @Override
        public LogAppender newLogAppender(
                RaftServer.Division server, LeaderState state, FollowerInfo follower) {
            return transport
                    .pushers
                    .apply(server.getGroup().getGroupId())
                    .newAppender(server, state, follower);
        }

        @Override
        public GrpcServices newRaftServerRpc(RaftServer server) {
            return super.newRaftServerRpc(AppendsInTurn.before(server, transport.installing));
        }
    }
}
