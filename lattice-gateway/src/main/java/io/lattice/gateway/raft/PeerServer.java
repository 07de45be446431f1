package io.lattice.gateway.raft;

import com.google.protobuf.ByteString;
import io.lattice.proto.peer.ForwardReply;
import io.lattice.proto.peer.ForwardRequest;
import io.lattice.proto.peer.JoinReply;
import io.lattice.proto.peer.JoinRequest;
import io.lattice.proto.peer.LeaveReply;
import io.lattice.proto.peer.LeaveRequest;
import io.lattice.proto.peer.LoadReply;
import io.lattice.proto.peer.PeerReply;
import io.lattice.proto.peer.PeerRequest;
import io.lattice.proto.peer.ProbeReply;
import io.lattice.proto.peer.ReadIndexReply;
import io.lattice.proto.peer.RenewReply;
import io.lattice.proto.peer.RenewRequest;
import io.lattice.proto.peer.TermReply;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.ratis.thirdparty.io.grpc.ServerServiceDefinition;
import org.apache.ratis.thirdparty.io.grpc.stub.ServerCallStreamObserver;
import org.apache.ratis.thirdparty.io.grpc.stub.ServerCalls;
import org.apache.ratis.thirdparty.io.grpc.stub.StreamObserver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Answers the other nodes' requests on the Raft port.
final class PeerServer {
    private static final Logger LOG = LoggerFactory.getLogger(PeerServer.class);

    /// What a member of a group can be asked. Called on a gRPC thread; callbacks may run on any thread, once each.
    interface Handler {
        /// The term of this node's division, 0 before it runs or if `raftId` isn't this node's identity.
        long term(String raftId);

        /// Answers the index up to which a follower must have applied, or empty if this node can't prove that it
        /// leads.
        void readIndex(Consumer<OptionalLong> callback);

        /// Puts a follower's proposal into the log.
        void forward(ForwardRequest request, Consumer<ForwardReply> callback);

        /// Whether this node has a log, and who founded it.
        ProbeReply probe();

        /// Makes a node with a new identity a member.
        JoinReply join(JoinRequest request);

        /// Whether this node leads and the asking one is no member any more.
        void leave(LeaveRequest request, Consumer<LeaveReply> callback);

        /// How much this node leads.
        LoadReply load();

        /// Renews leases if this node leads.
        void renew(RenewRequest request, Consumer<RenewReply> callback);
    }

    private PeerServer() {}

    /// @param groups who answers for a group, by its 16 bytes; also for one that this node isn't in
    static ServerServiceDefinition service(Function<ByteString, Handler> groups) {
        return ServerServiceDefinition.builder(PeerWire.SERVICE)
                .addMethod(
                        PeerWire.EXCHANGE,
                        ServerCalls.asyncBidiStreamingCall(replies ->
                                new Requests(
                                        groups, (ServerCallStreamObserver<PeerReply>) replies)))
                .build();
    }

    private static final class Requests implements StreamObserver<PeerRequest> {
        private final Function<ByteString, Handler> groups;
        private final ServerCallStreamObserver<PeerReply> replies;
        private boolean completed; // guarded by replies

        Requests(
                Function<ByteString, Handler> groups, ServerCallStreamObserver<PeerReply> replies) {
            this.groups = groups;
            this.replies = replies;
            // Without a handler a cancelled stream would throw out of the next reply.
            replies.setOnCancelHandler(() -> LOG.debug("a peer's stream was cancelled"));
        }

        @Override
        public void onNext(PeerRequest request) {
            PeerReply.Builder reply = PeerReply.newBuilder().setId(request.getId());
            Handler handler = groups.apply(request.getGroupId());
            switch (request.getRequestCase()) {
                case TERM ->
                        send(
                                reply.setTerm(
                                        TermReply.newBuilder()
                                                .setTerm(
                                                        handler.term(
                                                                request.getTerm().getRaftId()))));
                case READ_INDEX ->
                        handler.readIndex(index ->
                                send(
                                        reply.setReadIndex(
                                                ReadIndexReply.newBuilder()
                                                        .setConfirmed(index.isPresent())
                                                        .setIndex(index.orElse(0)))));
                case FORWARD ->
                        handler.forward(
                                request.getForward(),
                                forwarded -> send(reply.setForward(forwarded)));
                case PROBE -> send(reply.setProbe(handler.probe()));
                case JOIN -> send(reply.setJoin(handler.join(request.getJoin())));
                case LEAVE -> handler.leave(request.getLeave(), left -> send(reply.setLeave(left)));
                case LOAD -> send(reply.setLoad(handler.load()));
                case RENEW ->
                        handler.renew(request.getRenew(), renewed -> send(reply.setRenew(renewed)));
                case REQUEST_NOT_SET ->
                        LOG.warn("a peer sent a request of an unknown kind: {}", request.getId());
            }
        }

        private void send(PeerReply.Builder reply) {
            synchronized (replies) {
                // After the end a reply would throw, perhaps on the thread that applies.
                if (!completed && !replies.isCancelled()) {
                    replies.onNext(reply.build());
                }
            }
        }

        @Override
        public void onError(Throwable t) {
            LOG.debug("a peer's stream broke", t);
        }

        @Override
        public void onCompleted() {
            synchronized (replies) {
                completed = true;
                replies.onCompleted();
            }
        }
    }
}
