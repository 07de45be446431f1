package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
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
import io.lattice.proto.peer.RenewReply;
import io.lattice.proto.peer.RenewRequest;
import java.io.ByteArrayInputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.apache.ratis.thirdparty.io.grpc.Metadata;
import org.apache.ratis.thirdparty.io.grpc.MethodDescriptor;
import org.apache.ratis.thirdparty.io.grpc.ServerCall;
import org.apache.ratis.thirdparty.io.grpc.ServerCallHandler;
import org.apache.ratis.thirdparty.io.grpc.Status;

/// Any bytes as a request of another node: they are malformed, which ends the call, or get one reply at most.
class PeerFuzzTest {
    @FuzzTest(maxDuration = "5s")
    void anyRequest(byte[] sent) {
        PeerRequest request;
        try {
            request = PeerWire.EXCHANGE.parseRequest(new ByteArrayInputStream(sent));
        } catch (IllegalArgumentException malformed) {
            assertThat(malformed).hasMessage("malformed message from a peer");
            return;
        }
        Call call = new Call();
        ServerCall.Listener<PeerRequest> listener = handler().startCall(call, new Metadata());

        listener.onMessage(request);
        listener.onHalfClose();

        int expected = request.getRequestCase() == PeerRequest.RequestCase.REQUEST_NOT_SET ? 0 : 1;
        assertThat(call.replies).hasSize(expected);
        assertThat(call.replies).allMatch(reply -> reply.getId() == request.getId());
        assertThat(call.status).isEqualTo(Status.OK);
    }

    @SuppressWarnings("unchecked") // the one method that there is
    private static ServerCallHandler<PeerRequest, PeerReply> handler() {
        return (ServerCallHandler<PeerRequest, PeerReply>)
                PeerServer.service(_ -> new Answering())
                        .getMethod(PeerWire.EXCHANGE.getFullMethodName())
                        .getServerCallHandler();
    }

    private static final class Answering implements PeerServer.Handler {
        @Override
        public long term(String raftId) {
            return raftId.length();
        }

        @Override
        public void readIndex(Consumer<OptionalLong> callback) {
            callback.accept(OptionalLong.of(1));
        }

        @Override
        public void forward(ForwardRequest request, Consumer<ForwardReply> callback) {
            callback.accept(
                    ForwardReply.newBuilder().setResult(ForwardReply.Result.NOT_APPENDED).build());
        }

        @Override
        public ProbeReply probe() {
            return ProbeReply.getDefaultInstance();
        }

        @Override
        public JoinReply join(JoinRequest request) {
            return JoinReply.newBuilder().setReason(request.getRaftId()).build();
        }

        @Override
        public void leave(LeaveRequest request, Consumer<LeaveReply> callback) {
            callback.accept(LeaveReply.newBuilder().setGone(request.getLeaving()).build());
        }

        @Override
        public LoadReply load() {
            return LoadReply.getDefaultInstance();
        }

        @Override
        public void renew(RenewRequest request, Consumer<RenewReply> callback) {
            callback.accept(LeaseRenewer.UNDECIDED);
        }
    }

    private static final class Call extends ServerCall<PeerRequest, PeerReply> {
        private final List<PeerReply> replies = new ArrayList<>();
        private Status status = Status.UNKNOWN;

        @Override
        public void request(int count) {}

        @Override
        public void sendHeaders(Metadata headers) {}

        @Override
        public void sendMessage(PeerReply reply) {
            replies.add(reply);
        }

        @Override
        public void close(Status closed, Metadata trailers) {
            status = closed;
        }

        @Override
        public boolean isCancelled() {
            return false;
        }

        @Override
        public MethodDescriptor<PeerRequest, PeerReply> getMethodDescriptor() {
            return PeerWire.EXCHANGE;
        }
    }
}
