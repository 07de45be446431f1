package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import io.lattice.statemachine.raft.FileTrees;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
import org.slf4j.LoggerFactory;

/// A wiped node on its way back into its group.
@Timeout(180)
class JoiningNodeTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final long SNAPSHOT_THRESHOLD = 300;

    @TempDir Path root;

    private final List<PeerAddress> addresses = TestNode.addresses(3);
    private final Map<String, TestNode> nodes = new HashMap<>();

    @AfterEach
    void stopAll() throws IOException {
        for (TestNode node : nodes.values()) {
            node.close();
        }
    }

    private TestNode.Plan settings(String nodeId) {
        return TestNode.settings(root.resolve(nodeId), nodeId, addresses);
    }

    private CompletableFuture<TestNode> starting(String nodeId) {
        return TestNode.startAsync(settings(nodeId), SNAPSHOT_THRESHOLD);
    }

    private TestNode started(CompletableFuture<TestNode> starting) throws Exception {
        TestNode node = starting.get(60, TimeUnit.SECONDS);
        nodes.put(node.settings().nodeId(), node);
        return node;
    }

    private TestNode stopped(String nodeId) throws IOException {
        TestNode node = Objects.requireNonNull(nodes.remove(nodeId));
        node.close();
        return node;
    }

    /// The leader's word that it leads reaches the joining node, and then nothing for longer than an election timeout: what a
    /// node sees that is slow to take its log. By its log it is no member yet, so Ratis closes its group.
    @Test
    void aNodeWhoseLeaderFallsSilentBeforeItIsAMemberJoinsNevertheless() throws Exception {
        for (CompletableFuture<TestNode> node :
                addresses.stream().map(a -> starting(a.nodeId())).toList()) {
            started(node).put("a", "1");
        }
        String alone = nodes.get("n1").node().view().nodeId();
        long term = nodes.get("n1").node().view().term();
        stopped("n2");
        TestNode.Plan wiped = stopped("n3").settings();
        FileTrees.delete(wiped.walDirectory());
        FileTrees.delete(wiped.dataDirectory());

        // Without a majority nobody takes it in.
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        Logger logger = (Logger) LoggerFactory.getLogger(RaftHost.class);
        logger.addAppender(log);
        CompletableFuture<TestNode> joining = starting("n3");
        try (Leader leader = new Leader(wiped.bindPort())) {
            await().atMost(LIMIT).until(() -> leader.announce(alone, term, raftId(wiped)));
            assertThat(reopenings(log)).isZero();

            await().atMost(LIMIT).until(() -> reopenings(log) > 0);
        } finally {
            logger.detachAppender(log);
        }
        assertThat(joining.isDone()).isFalse();
        started(starting("n2"));
        TestNode back = started(joining);

        back.put("b", "2");
        assertThat(nodes.get("n1").get("b")).isEqualTo("2");
        assertThat(back.get("a")).isEqualTo("1");
        assertThat(back.fatal()).isEmpty();
    }

    private static long reopenings(ListAppender<ILoggingEvent> log) {
        return List.copyOf(log.list).stream()
                .filter(event -> event.getFormattedMessage().startsWith("opening group test again"))
                .count();
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
