package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.proto.RaftProtos.GroupListRequestProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.proto.RaftProtos.TermIndexProto;
import org.apache.ratis.proto.grpc.AdminProtocolServiceGrpc;
import org.apache.ratis.proto.grpc.RaftServerProtocolServiceGrpc;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.thirdparty.io.grpc.ManagedChannel;
import org.apache.ratis.thirdparty.io.grpc.Status;
import org.apache.ratis.thirdparty.io.grpc.StatusRuntimeException;
import org.apache.ratis.thirdparty.io.grpc.netty.NegotiationType;
import org.apache.ratis.thirdparty.io.grpc.netty.NettyChannelBuilder;
import org.apache.ratis.util.ProtoUtils;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// What the Raft port of a real node takes from whom.
@Timeout(60)
class PeerGuardTest {
    private static final long CALL_SECONDS = 20;
    private static final RaftPeerId STRANGER = RaftPeerId.valueOf("n2~1");

    @TempDir Path root;

    // Set before each test.
    @SuppressWarnings("NullAway.Init")
    private TestNode node;

    @SuppressWarnings("NullAway.Init")
    private ManagedChannel channel;

    @BeforeEach
    void startNode() throws Exception {
        TestNode.Plan settings = TestNode.settings(root, "n1", TestNode.addresses(1));
        node = TestNode.start(settings, 1_000_000);
        node.put("a", "1");
        channel =
                NettyChannelBuilder.forAddress("127.0.0.1", settings.bindPort())
                        .negotiationType(NegotiationType.PLAINTEXT)
                        .build();
    }

    @AfterEach
    void stopNode() throws IOException {
        channel.shutdownNow();
        node.close();
    }

    /// Asks, as a former member of an old term, for a vote that nobody will give.
    private RequestVoteReplyProto askForVote(String addressee) {
        return RaftServerProtocolServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)
                .requestVote(
                        RequestVoteRequestProto.newBuilder()
                                .setServerRequest(
                                        RaftRpcRequestProto.newBuilder()
                                                .setRequestorId(STRANGER.toByteString())
                                                .setReplyId(
                                                        RaftPeerId.valueOf(addressee)
                                                                .toByteString())
                                                .setRaftGroupId(
                                                        ProtoUtils.toRaftGroupIdProtoBuilder(
                                                                RaftGroupId.valueOf(
                                                                        TestSettings.GROUP))))
                                .setCandidateTerm(0)
                                .setCandidateLastEntry(TermIndexProto.getDefaultInstance())
                                .build());
    }

    @Test
    void ratisAdministrationIsNotServed() {
        StatusRuntimeException refused =
                catchThrowableOfType(
                        StatusRuntimeException.class,
                        () ->
                                AdminProtocolServiceGrpc.newBlockingStub(channel)
                                        .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)
                                        .groupList(GroupListRequestProto.getDefaultInstance()));

        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    }

    @Test
    void aRequestToAFormerIdentityIsRefused() {
        StatusRuntimeException refused =
                catchThrowableOfType(StatusRuntimeException.class, () -> askForVote("n1~00000000"));

        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(refused).hasMessageContaining("former identity");
    }

    @Test
    void aRequestToThisIdentityIsAnswered() {
        RequestVoteReplyProto reply = askForVote(node.node().view().nodeId());

        assertThat(reply.getServerReply().getSuccess()).isFalse();
        assertThat(reply.getTerm()).isEqualTo(node.node().view().term());
    }

    @Test
    void theNodeGoesOnAfterWhatItRefused() throws Exception {
        catchThrowableOfType(StatusRuntimeException.class, () -> askForVote("n1~00000000"));

        node.put("b", "2");

        assertThat(node.get("b")).isEqualTo("2");
        assertThat(node.fatal()).isEmpty();
    }
}
