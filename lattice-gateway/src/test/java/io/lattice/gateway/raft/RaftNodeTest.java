package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import io.lattice.proto.command.Proposal;
import io.lattice.proto.peer.ForwardRequest;
import io.lattice.proto.peer.PeerReply;
import io.lattice.proto.peer.PeerRequest;
import io.lattice.statemachine.storage.FileTrees;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.thirdparty.io.grpc.CallOptions;
import org.apache.ratis.thirdparty.io.grpc.ManagedChannel;
import org.apache.ratis.thirdparty.io.grpc.netty.NegotiationType;
import org.apache.ratis.thirdparty.io.grpc.netty.NettyChannelBuilder;
import org.apache.ratis.thirdparty.io.grpc.stub.ClientCalls;
import org.apache.ratis.thirdparty.io.grpc.stub.StreamObserver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// One node on real directories, without any other.
@Timeout(120)
class RaftNodeTest {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final long NO_SNAPSHOTS = 1_000_000;

    @TempDir Path root;

    private final List<PeerAddress> addresses = TestNode.addresses(1);

    private TestNode.Plan settings() {
        return TestNode.settings(root.resolve("n1"), "n1", addresses);
    }

    private TestNode start() throws Exception {
        return TestNode.start(settings(), NO_SNAPSHOTS);
    }

    /// A node on these directories comes to the content that another had, and stays alive.
    ///
    /// @return where its log begins
    private static long assertComesBackWith(String hash, TestNode.Plan settings) throws Exception {
        try (TestNode node = TestNode.start(settings, NO_SNAPSHOTS)) {
            node.get("fill0");

            assertThat(node.hash()).isEqualTo(hash);
            assertThat(node.fatal()).isEmpty();
            return node.node().view().startIndex();
        }
    }

    private static void awaitPurge(TestNode node) {
        await().atMost(LIMIT).until(() -> node.node().view().startIndex() > 0);
    }

    @Test
    void aWriteIsRead() throws Exception {
        try (TestNode node = start()) {
            long revision = node.put("a", "1");

            assertThat(node.get("a")).isEqualTo("1");
            assertThat(node.put("a", "2")).isEqualTo(revision + 1);
            assertThat(node.get("a")).isEqualTo("2");
            assertThat(node.fatal()).isEmpty();
        }
    }

    @Test
    void concurrentWritesEachGetARevisionOfTheirOwn() throws Exception {
        try (TestNode node = start()) {
            long before = node.revision();
            List<CompletableFuture<Long>> puts =
                    Stream.iterate(0, i -> i < 500, i -> i + 1)
                            .map(i -> node.putAsync("k" + i, "v"))
                            .toList();

            List<Long> revisions = puts.stream().map(CompletableFuture::join).toList();

            assertThat(revisions).doesNotHaveDuplicates().contains(before + 1, before + 500);
            assertThat(node.revision()).isEqualTo(before + 500);
        }
    }

    @Test
    void aCleanRestartLosesNothing() throws Exception {
        String hash;
        try (TestNode node = start()) {
            node.fill(20);
            hash = node.hash();
        }

        assertComesBackWith(hash, settings());
    }

    @Test
    void aKilledNodeReplaysItsWholeLogOnce() throws Exception {
        TestNode.Plan killed;
        String hash;
        try (TestNode node = start()) {
            node.fill(40);
            hash = node.hash();
            killed = node.copyAsKilled(root.resolve("killed"));
        }

        assertComesBackWith(hash, killed);
    }

    @Test
    void aKilledNodeReplaysFromItsCheckpointOn() throws Exception {
        TestNode.Plan killed;
        String hash;
        try (TestNode node = TestNode.start(settings(), 30)) {
            node.fill(31);
            await().atMost(LIMIT).until(() -> node.checkpointIndex() > 0);
            node.fill(20);
            hash = node.hash();
            killed = node.copyAsKilled(root.resolve("killed"));
        }

        assertComesBackWith(hash, killed);
    }

    @Test
    void snapshotsLetTheLogShrinkAndARestartBeginsFromThem() throws Exception {
        String hash;
        TestNode.Plan killed;
        try (TestNode node = TestNode.start(settings(), 400)) {
            node.fill(1_700);
            awaitPurge(node);
            hash = node.hash();
            killed = node.copyAsKilled(root.resolve("killed"));
        }

        for (TestNode.Plan after : List.of(killed, settings())) {
            assertThat(assertComesBackWith(hash, after)).isPositive();
        }
    }

    @Test
    void aFounderWhoseLogIsStillEmptyGoesOn() throws Exception {
        try (TestNode node = start()) {
            node.put("a", "1");
        }
        Path group = settings().groupLog();
        try (var files = java.nio.file.Files.list(group.resolve("current"))) {
            // As if the process had died between making the group and its first election.
            for (Path file : files.filter(f -> !f.endsWith("raft-meta")).toList()) {
                FileTrees.delete(file);
            }
        }
        FileTrees.delete(settings().store().resolve("db"));
        FileTrees.delete(settings().store().resolve("snapshots"));

        try (TestNode node = start()) {
            node.put("b", "2");

            assertThat(node.get("b")).isEqualTo("2");
        }
    }

    @Test
    void aStateThatTheLogNoLongerReachesIsRefused() throws Exception {
        try (TestNode node = TestNode.start(settings(), 400)) {
            node.fill(1_700);
            awaitPurge(node);
        }
        Path data = settings().store();
        FileTrees.delete(data.resolve("db"));
        FileTrees.delete(data.resolve("snapshots"));

        assertThatThrownBy(() -> start())
                .isInstanceOf(IOException.class)
                .hasMessageContaining("entries between are missing");
    }

    @Test
    void anIdentityWhoseLogIsGoneDoesNotBeginAnother() throws Exception {
        try (TestNode node = start()) {
            node.put("a", "1");
        }
        FileTrees.delete(settings().groupLog());

        assertThatThrownBy(() -> start())
                .isInstanceOf(RaftIdentity.DirectoryException.class)
                .hasMessageContainingAll("log", "gone", settings().walDirectory().toString());
    }

    @Test
    void aSecondNodeOnTheSameDirectoriesIsRefusedAndTheFirstGoesOn() throws Exception {
        try (TestNode node = start()) {
            TestNode.Plan second =
                    TestNode.settings(root.resolve("n1"), "n1", TestNode.addresses(1));

            assertThatThrownBy(() -> TestNode.start(second, NO_SNAPSHOTS))
                    .isInstanceOf(RaftIdentity.DirectoryException.class)
                    .hasMessageContaining("in use");

            node.put("a", "1");
            assertThat(node.get("a")).isEqualTo("1");
        }
    }

    @Test
    void aTakenPortIsAClearError() throws IOException {
        try (ServerSocket taken = new ServerSocket()) {
            taken.bind(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), settings().bindPort()));

            assertThatThrownBy(() -> start())
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("127.0.0.1:" + settings().bindPort());
        }
        assertThat(settings().walDirectory()).doesNotExist();
    }

    @Test
    void aDamagedLogIsRefusedAndLeftAsItIs() throws Exception {
        try (TestNode node = start()) {
            node.fill(5);
            TestNode.Plan killed = node.copyAsKilled(root.resolve("killed"));
            Path segment = openSegment(killed);
            byte[] bytes = Files.readAllBytes(segment);
            bytes[100] ^= 1;
            Files.write(segment, bytes);

            assertThatThrownBy(() -> TestNode.start(withFreePort(killed), NO_SNAPSHOTS))
                    .isInstanceOf(RaftIdentity.DirectoryException.class)
                    .hasMessageContaining(segment.toString());
            assertThat(Files.readAllBytes(segment)).isEqualTo(bytes);
        }
    }

    private static TestNode.Plan withFreePort(TestNode.Plan killed) {
        return TestNode.settings(
                Objects.requireNonNull(killed.walDirectory().getParent()),
                "n1",
                TestNode.addresses(1));
    }

    private static Path logFolder(TestNode.Plan settings) {
        return settings.groupLog().resolve("current");
    }

    private static Path openSegment(TestNode.Plan settings) throws IOException {
        try (Stream<Path> files = Files.list(logFolder(settings))) {
            return files.filter(f -> f.getFileName().toString().startsWith("log_inprogress_"))
                    .findFirst()
                    .orElseThrow();
        }
    }

    @Test
    void aLogThatCanNotBeWrittenIsFatal() throws Exception {
        try (TestNode node = start()) {
            node.fill(1);
            // The next segment can't be opened.
            FileTrees.delete(logFolder(settings()));

            for (int i = 0; i < 100 && node.fatal().isEmpty(); i++) {
                CompletableFuture<Long> put = node.putAsync("k", "v".repeat(5_000));
                await().atMost(LIMIT).until(() -> put.isDone() || !node.fatal().isEmpty());
            }

            assertThat(node.fatal()).isNotEmpty();
        }
    }

    @Test
    void aFailedWriteOfTheLogIsFatal() throws Exception {
        try (TestNode node = start()) {
            RaftServer.Division division = Objects.requireNonNull(node.node().division());

            division.getStateMachine()
                    .event()
                    .notifyLogFailed(new IOException("No space left on device"), null);

            assertThat(node.fatal())
                    .containsExactly(
                            "the Raft log can't be written: java.io.IOException: No space left on"
                                    + " device");
        }
    }

    @Test
    void aLoneLeaderWhoseEntriesRatisRefusesBeginsAnotherTerm() throws Exception {
        try (TestNode node = start()) {
            node.put("a", "1");
            long term = node.node().view().term();

            node.exhaustPermits();

            assertThat(node.putAsync("b", "2").get(20, TimeUnit.SECONDS)).isPositive();
            assertThat(node.node().view().term()).isGreaterThan(term);
            assertThat(node.get("b")).isEqualTo("2");
            assertThat(node.fatal()).isEmpty();
        }
    }

    @Test
    void aPeerThatHangsUpBeforeItsAnswerDoesNoHarm() throws Exception {
        try (TestNode node = start()) {
            await().atMost(LIMIT).until(node::leads);
            ManagedChannel channel =
                    NettyChannelBuilder.forAddress("127.0.0.1", settings().bindPort())
                            .negotiationType(NegotiationType.PLAINTEXT)
                            .build();
            CompletableFuture<Void> ended = new CompletableFuture<>();
            StreamObserver<PeerRequest> requests =
                    ClientCalls.asyncBidiStreamingCall(
                            channel.newCall(PeerWire.EXCHANGE, CallOptions.DEFAULT),
                            new EndOfStream(ended));

            for (int i = 1; i <= 20; i++) {
                requests.onNext(
                        PeerRequest.newBuilder()
                                .setId(i)
                                .setForward(
                                        ForwardRequest.newBuilder()
                                                .setProposal(
                                                        Proposal.newBuilder()
                                                                .setOrigin(1)
                                                                .setSequence(i)))
                                .build());
            }
            requests.onCompleted();

            ended.get(30, TimeUnit.SECONDS);
            node.put("a", "1");
            assertThat(node.get("a")).isEqualTo("1");
            assertThat(node.fatal()).isEmpty();
            channel.shutdownNow();
        }
    }

    /// Completes when a peer's stream is over, in whatever way.
    private record EndOfStream(CompletableFuture<Void> ended) implements StreamObserver<PeerReply> {
        @Override
        public void onNext(PeerReply reply) {
            assertThat(reply.hasForward()).isTrue();
        }

        @Override
        public void onError(Throwable t) {
            ended.completeExceptionally(t);
        }

        @Override
        public void onCompleted() {
            ended.complete(null);
        }
    }

    @Test
    void aDivisionThatRatisClosesByItselfIsFatal() throws Exception {
        try (TestNode node = start()) {
            node.put("a", "1");

            Objects.requireNonNull(node.node().division()).close();

            await().atMost(LIMIT)
                    .until(() ->
                            node.fatal().stream()
                                    .anyMatch(f -> f.startsWith("Ratis closed the state machine")));
        }
    }

    @Test
    void anOrderlyStopIsNotFatal() throws Exception {
        TestNode node = TestNode.start(settings(), 30);
        node.fill(40);

        node.close();

        assertThat(node.fatal()).isEmpty();
    }
}
