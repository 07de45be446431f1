package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto.AppendResult;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RaftGroupIdProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.StateMachineLogEntryProto;
import org.apache.ratis.proto.grpc.RaftServerProtocolServiceGrpc;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.thirdparty.io.grpc.ManagedChannel;
import org.apache.ratis.thirdparty.io.grpc.netty.NettyChannelBuilder;
import org.apache.ratis.thirdparty.io.grpc.stub.StreamObserver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// A real follower gets requests that begin at the same entry, as from a leader that sends again after a time-out, or
/// from two leaders. Whatever it confirms must be in its log.
@Timeout(180)
class OverlappingAppendsTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int ROUNDS = 10;
    private static final long SNAPSHOT_THRESHOLD = 1_000_000;
    private static final int FIRST = 12;
    private static final int SECOND = 24;

    /// Above the segment size, so that each entry takes a file and syncs of its own.
    private static final ByteString DATA = ByteString.copyFrom(new byte[100_000]);

    /// Ratis puts it into messages, and then wants it whole.
    private static final ByteString CLIENT = ClientId.randomId().toByteString();

    @TempDir Path root;

    private final List<TestNode> nodes = new ArrayList<>();
    private TestNode follower;
    private RaftServer.Division division;
    private String leader;
    private String otherLeader;
    private long calls;

    /// Leaves one of three nodes running, which knows the others as members.
    @BeforeEach
    void formAndLeaveAlone() throws Exception {
        List<PeerAddress> addresses = TestNode.addresses(3);
        List<TestNode.Beginning> starting =
                addresses.stream()
                        .map(a ->
                                TestNode.settings(root.resolve(a.nodeId()), a.nodeId(), addresses))
                        .map(settings -> TestNode.startAsync(settings, SNAPSHOT_THRESHOLD))
                        .toList();
        for (TestNode.Beginning node : starting) {
            nodes.add(node.get(60, TimeUnit.SECONDS));
        }
        await().atMost(LIMIT).until(() -> nodes.stream().anyMatch(TestNode::leads));
        follower = nodes.removeFirst();
        follower.put("a", "1");
        leader = nodes.getFirst().node().view().nodeId();
        otherLeader = nodes.getLast().node().view().nodeId();
        for (TestNode other : nodes) {
            other.close();
        }
        division = Objects.requireNonNull(follower.node().division());
    }

    @AfterEach
    void stop() throws IOException {
        follower.close();
    }

    private RaftLog log() {
        return division.getRaftLog();
    }

    /// What `from` sends as leader of `term`: `count` entries of that term behind `previous`.
    private AppendEntriesRequestProto append(
            String from, long term, TermIndex previous, int count) {
        AppendEntriesRequestProto.Builder request =
                AppendEntriesRequestProto.newBuilder()
                        .setServerRequest(
                                RaftRpcRequestProto.newBuilder()
                                        .setRequestorId(RaftPeerId.valueOf(from).toByteString())
                                        .setReplyId(division.getId().toByteString())
                                        .setRaftGroupId(
                                                RaftGroupIdProto.newBuilder()
                                                        .setId(
                                                                division.getMemberId()
                                                                        .getGroupId()
                                                                        .toByteString()))
                                        .setCallId(++calls))
                        .setLeaderTerm(term)
                        .setPreviousLog(previous.toProto())
                        .setLeaderCommit(log().getLastCommittedIndex());
        for (int i = 1; i <= count; i++) {
            request.addEntries(
                    LogEntryProto.newBuilder()
                            .setTerm(term)
                            .setIndex(previous.getIndex() + i)
                            .setStateMachineLogEntry(
                                    StateMachineLogEntryProto.newBuilder()
                                            .setClientId(CLIENT)
                                            .setLogData(DATA)));
        }
        return request.build();
    }

    private long nextTerm() {
        return division.getInfo().getCurrentTerm() + 1;
    }

    private boolean holds(AppendEntriesReplyProto reply, long term) {
        assertThat(reply.getResult()).isEqualTo(AppendResult.SUCCESS);
        return TermIndex.valueOf(term, reply.getMatchIndex())
                .equals(log().getTermIndex(reply.getMatchIndex()));
    }

    /// The reply's entries are in the log's file.
    private void assertStored(CompletableFuture<AppendEntriesReplyProto> pending, long term)
            throws Exception {
        AppendEntriesReplyProto reply = pending.get(60, TimeUnit.SECONDS);
        assertThat(holds(reply, term)).isTrue();
        assertThat(log().getFlushIndex()).isGreaterThanOrEqualTo(reply.getMatchIndex());
    }

    /// Why the turns are needed. If this fails, a newer Ratis may do without them.
    @Test
    void ratisByItselfConfirmsWhatIsNotSynced() throws Exception {
        boolean seen = false;
        for (int round = 0; round < ROUNDS && !seen; round++) {
            long term = nextTerm();
            TermIndex last = log().getLastEntryTermIndex();
            RaftServer server = division.getRaftServer();

            var first = server.appendEntriesAsync(append(leader, term, last, SECOND));
            var second = server.appendEntriesAsync(append(leader, term, last, SECOND));

            assertThat(holds(second.get(60, TimeUnit.SECONDS), term)).isTrue();
            seen = log().getFlushIndex() < last.getIndex() + SECOND;
            assertThat(holds(first.get(60, TimeUnit.SECONDS), term)).isTrue();
        }
        assertThat(seen).isTrue();
    }

    @Test
    void aRepetitionWithAnotherEndIsConfirmedOnlyWhenItIsStored() throws Exception {
        try (Sender sender = new Sender()) {
            for (int round = 0; round < ROUNDS; round++) {
                long term = nextTerm();
                TermIndex last = log().getLastEntryTermIndex();

                var first = sender.send(append(leader, term, last, FIRST));
                var second = sender.send(append(leader, term, last, SECOND));

                assertStored(second, term);
                assertStored(first, term);
                assertThat(log().getNextIndex()).isEqualTo(last.getIndex() + SECOND + 1);
            }
        }
        assertThat(follower.fatal()).isEmpty();
    }

    @Test
    void whatANewLeaderWasConfirmedStays() throws Exception {
        try (Sender former = new Sender();
                Sender newer = new Sender()) {
            for (int round = 0; round < ROUNDS; round++) {
                long term = nextTerm();
                TermIndex last = log().getLastEntryTermIndex();

                var old = former.send(append(leader, term, last, SECOND));
                if (round % 2 == 0) {
                    // Else the newer one is usually looked at first.
                    await().until(() -> log().getNextIndex() > last.getIndex() + 1);
                }
                var next = newer.send(append(otherLeader, term + 1, last, FIRST));

                AppendEntriesReplyProto reply = next.get(60, TimeUnit.SECONDS);
                assertThat(holds(reply, term + 1)).isTrue();
                // Confirmed, or refused since it came later.
                assertThat(old.get(60, TimeUnit.SECONDS).getResult())
                        .isIn(AppendResult.SUCCESS, AppendResult.NOT_LEADER);
                assertThat(log().getLastEntryTermIndex())
                        .isEqualTo(TermIndex.valueOf(term + 1, reply.getMatchIndex()));
            }
        }
        assertThat(follower.fatal()).isEmpty();
    }

    /// A leader's stream to the follower's Raft port.
    private final class Sender implements AutoCloseable {
        private final ManagedChannel channel;
        private final StreamObserver<AppendEntriesRequestProto> requests;
        private final Queue<CompletableFuture<AppendEntriesReplyProto>> replies =
                new ConcurrentLinkedQueue<>();

        Sender() {
            channel =
                    NettyChannelBuilder.forAddress("127.0.0.1", follower.settings().bindPort())
                            .usePlaintext()
                            .build();
            requests =
                    RaftServerProtocolServiceGrpc.newStub(channel)
                            .appendEntries(
                                    new StreamObserver<>() {
                                        @Override
                                        public void onNext(AppendEntriesReplyProto reply) {
                                            Objects.requireNonNull(replies.poll()).complete(reply);
                                        }

                                        @Override
                                        public void onError(Throwable t) {
                                            replies.forEach(r -> r.completeExceptionally(t));
                                        }

                                        @Override
                                        public void onCompleted() {
                                            onError(new IOException("the stream ended"));
                                        }
                                    });
        }

        CompletableFuture<AppendEntriesReplyProto> send(AppendEntriesRequestProto request) {
            CompletableFuture<AppendEntriesReplyProto> reply = new CompletableFuture<>();
            replies.add(reply);
            requests.onNext(request);
            return reply;
        }

        @Override
        public void close() {
            channel.shutdownNow();
        }
    }
}
