package io.lattice.gateway.raft;

import static io.lattice.gateway.raft.TestNodes.LIMIT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import io.lattice.statemachine.storage.FileTrees;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto.AppendResult;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.RaftGroupIdProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.grpc.RaftServerProtocolServiceGrpc;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.thirdparty.io.grpc.ManagedChannel;
import org.apache.ratis.thirdparty.io.grpc.netty.NettyChannelBuilder;
import org.apache.ratis.thirdparty.io.grpc.stub.StreamObserver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// A wiped node on its way back into its group.
@Timeout(180)
class JoiningNodeTest {
    private static final String REOPENING = "opening group test again";

    @TempDir Path root;

    private final List<PeerAddress> addresses = TestNode.addresses(3);
    private final TestNodes nodes =
            new TestNodes(nodeId -> TestNode.settings(root.resolve(nodeId), nodeId, addresses));

    @AfterEach
    void stopAll() throws IOException {
        nodes.close();
    }

    private TestNode stopped(String nodeId) throws IOException {
        TestNode node = nodes.get(nodeId);
        nodes.stop(node);
        return node;
    }

    /// The leader's word that it leads reaches the joining node, and then nothing for longer than an election timeout: what a
    /// node sees that is slow to take its log. By its log it is no member yet, so Ratis closes its group.
    @Test
    void aNodeWhoseLeaderFallsSilentBeforeItIsAMemberJoinsNevertheless() throws Exception {
        for (CompletableFuture<TestNode> node :
                addresses.stream().map(a -> nodes.begin(a.nodeId())).toList()) {
            nodes.started(node).put("a", "1");
        }
        String alone = nodes.get("n1").node().view().nodeId();
        long term = nodes.get("n1").node().view().term();
        stopped("n2");
        TestNode.Plan wiped = stopped("n3").settings();
        FileTrees.delete(wiped.walDirectory());
        FileTrees.delete(wiped.dataDirectory());

        // Without a majority nobody takes it in.
        CompletableFuture<TestNode> joining;
        try (LogLines lines = LogLines.of(RaftHost.class);
                Leader leader = new Leader(wiped.bindPort())) {
            joining = nodes.begin("n3");
            await().atMost(LIMIT).until(() -> leader.announce(alone, term, raftId(wiped)));
            assertThat(lines.count(REOPENING)).isZero();

            await().atMost(LIMIT).until(() -> lines.count(REOPENING) > 0);
        }
        assertThat(joining.isDone()).isFalse();
        nodes.start("n2");
        TestNode back = nodes.started(joining);

        back.put("b", "2");
        assertThat(nodes.get("n1").get("b")).isEqualTo("2");
        assertThat(back.get("a")).isEqualTo("1");
        assertThat(back.fatal()).isEmpty();
    }

    /// The identity that a node has made for itself; empty before that.
    private static String raftId(TestNode.Plan settings) throws IOException {
        Path marker = settings.walDirectory().resolve("IDENTITY");
        Properties identity = new Properties();
        if (Files.exists(marker)) {
            try (Reader in = Files.newBufferedReader(marker)) {
                identity.load(in);
            }
        }
        return identity.getProperty("raft_id", "");
    }

    /// A leader's stream to a node's Raft port.
    private static final class Leader implements AutoCloseable {
        private final ManagedChannel channel;

        Leader(int port) {
            channel = NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
        }

        /// Sends a heartbeat on a stream that stays open, and returns whether it was taken.
        boolean announce(String self, long term, String raftId) throws Exception {
            if (raftId.isEmpty()) {
                return false;
            }
            CompletableFuture<AppendEntriesReplyProto> answer = new CompletableFuture<>();
            StreamObserver<AppendEntriesRequestProto> stream =
                    RaftServerProtocolServiceGrpc.newStub(channel)
                            .appendEntries(
                                    new StreamObserver<>() {
                                        @Override
                                        public void onNext(AppendEntriesReplyProto reply) {
                                            answer.complete(reply);
                                        }

                                        @Override
                                        public void onError(Throwable t) {
                                            answer.complete(
                                                    AppendEntriesReplyProto.newBuilder()
                                                            .setResult(AppendResult.NOT_LEADER)
                                                            .build());
                                        }

                                        @Override
                                        public void onCompleted() {
                                            onError(new IOException("the stream ended"));
                                        }
                                    });
            stream.onNext(heartbeat(self, term, raftId));
            return answer.get(30, TimeUnit.SECONDS).getResult() != AppendResult.NOT_LEADER;
        }

        private static AppendEntriesRequestProto heartbeat(String self, long term, String raftId) {
            return AppendEntriesRequestProto.newBuilder()
                    .setServerRequest(
                            RaftRpcRequestProto.newBuilder()
                                    .setRequestorId(RaftPeerId.valueOf(self).toByteString())
                                    .setReplyId(RaftPeerId.valueOf(raftId).toByteString())
                                    .setRaftGroupId(
                                            RaftGroupIdProto.newBuilder()
                                                    .setId(
                                                            RaftGroupId.valueOf(TestSettings.GROUP)
                                                                    .toByteString()))
                                    .setCallId(1))
                    .setLeaderTerm(term)
                    .build();
        }

        @Override
        public void close() {
            channel.shutdownNow();
        }
    }
}
