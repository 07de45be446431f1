package io.lattice.gateway.raft;

import static io.lattice.gateway.raft.TestNodes.LIMIT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import io.lattice.statemachine.storage.FileTrees;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.ratis.grpc.server.GrpcLogAppender;
import org.apache.ratis.server.leader.LogAppender;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Three nodes in this JVM, over real connections and directories.
@Timeout(180)
class RaftGroupTest {
    @TempDir Path root;

    private final List<PeerAddress> addresses = TestNode.addresses(3);
    private final TestNodes nodes =
            new TestNodes(nodeId -> TestNode.settings(root.resolve(nodeId), nodeId, addresses));

    @BeforeEach
    void startAll() throws Exception {
        nodes.start(addresses);
        nodes.awaitLeader();
    }

    @AfterEach
    void stopAll() throws IOException {
        nodes.close();
    }

    private TestNode follower() {
        TestNode leader = nodes.awaitLeader();
        return nodes.all().stream().filter(n -> n != leader).findFirst().orElseThrow();
    }

    private void awaitSameContent() {
        await().atMost(LIMIT)
                // A store can't be read while a snapshot replaces it.
                .ignoreExceptionsInstanceOf(IllegalStateException.class)
                .untilAsserted(() ->
                        assertThat(nodes.all().stream().map(TestNode::hash).distinct()).hasSize(1));
    }

    @Test
    void everyNodeWritesAndEveryNodeReadsIt() throws Exception {
        for (TestNode writer : List.copyOf(nodes.all())) {
            String key = "from " + writer.settings().nodeId();
            writer.put(key, "1");

            for (TestNode reader : nodes.all()) {
                assertThat(reader.get(key)).isEqualTo("1");
            }
        }
        awaitSameContent();
        nodes.assertNothingFatal();
    }

    @Test
    void leadershipIsHandedOverWhileWritesGoOn() throws Exception {
        TestNode old = nodes.awaitLeader();
        TestNode next = follower();
        List<CompletableFuture<Long>> puts = new ArrayList<>();
        old.put("a", "1");

        CompletableFuture<?> transfer = old.node().transferLeadership(next.node().view().nodeId());
        while (!transfer.isDone()) {
            CompletableFuture<Long> put = next.putAsync("k" + puts.size(), "v");
            puts.add(put);
            await().atMost(LIMIT).until(() -> put.isDone() || transfer.isDone());
        }

        await().atMost(LIMIT).until(next::leads);
        assertThat(next.get("a")).isEqualTo("1");
        int acknowledged = 0;
        for (int i = 0; i < puts.size(); i++) {
            if (succeeds(puts.get(i))) {
                acknowledged++;
                assertThat(old.get("k" + i)).isEqualTo("v");
            }
        }
        assertThat(acknowledged).isPositive();
        old.put("b", "2");
        assertThat(next.get("b")).isEqualTo("2");
        awaitSameContent();
        nodes.assertNothingFatal();
    }

    /// False if the write's fate is unknown.
    private static boolean succeeds(CompletableFuture<Long> put) throws Exception {
        try {
            put.get(60, TimeUnit.SECONDS);
            return true;
        } catch (ExecutionException e) {
            assertThat(e.getCause()).hasMessage(ProposalFailure.LEADER_LOST.toString());
            return false;
        }
    }

    @Test
    void theOthersElectALeaderWhenTheirsIsGone() throws Exception {
        TestNode old = nodes.awaitLeader();
        old.put("a", "1");

        nodes.stop(old);

        TestNode next = nodes.awaitLeader();
        assertThat(next.get("a")).isEqualTo("1");
        next.put("b", "2");
        assertThat(follower().get("b")).isEqualTo("2");
    }

    @Test
    void aFollowerWhoseSenderDiedIsServedAgain() throws Exception {
        TestNode leader = nodes.awaitLeader();
        TestNode cutOff = follower();
        leader.put("before", "1");
        long term = leader.node().view().term();

        Objects.requireNonNull(leader.node().pusher().appender(cutOff.node().view().nodeId()))
                .stopAsync()
                .get(10, TimeUnit.SECONDS);
        leader.put("after", "2");

        await().atMost(LIMIT).until(() -> cutOff.getLocally("after").equals("2"));
        // By another leadership, as Ratis doesn't do it by itself.
        assertThat(cutOff.node().view().term()).isGreaterThan(term);
        cutOff.put("last", "3");
        assertThat(nodes.awaitLeader().get("last")).isEqualTo("3");
        awaitSameContent();
        nodes.assertNothingFatal();
    }

    @Test
    void aPeerThatIsAwayCostsItsLeaderAFewAttemptsASecond() throws Exception {
        TestNode away = follower();
        LogAppender sender = sender(nodes.awaitLeader(), away);
        long asked = sender.getCallId();
        nodes.stop(away);

        // The first attempts come almost without pauses.
        await().atMost(LIMIT)
                .until(() -> sender.getFollower().getLastRpcResponseTime().elapsedTimeMs() > 3_000);

        // Ratis counts a call for each turn of the sender's loop, sent or not.
        assertThat(sender.getCallId() - asked).isLessThan(1_000);
        long later = sender.getCallId();
        await().atMost(LIMIT).until(() -> sender.getCallId() > later + 1);
    }

    @Test
    void aPeerThatWasAwayIsServedAgainByTheSameLeadership() throws Exception {
        TestNode away = follower();
        TestNode leader = nodes.awaitLeader();
        String name = away.settings().nodeId();
        LogAppender sender = sender(leader, away);
        nodes.stop(away);
        await().atMost(LIMIT)
                .until(() -> sender.getFollower().getLastRpcResponseTime().elapsedTimeMs() > 3_000);
        leader.put("meanwhile", "1");
        long term = leader.node().view().term();

        TestNode back = nodes.start(name);

        await().atMost(LIMIT).until(() -> back.getLocally("meanwhile").equals("1"));
        assertThat(leader.node().view().term()).isEqualTo(term);
        assertThat(sender(leader, back)).isSameAs(sender);
        nodes.assertNothingFatal();
    }

    private static LogAppender sender(TestNode leader, TestNode follower) {
        return Objects.requireNonNull(
                leader.node().pusher().appender(follower.node().view().nodeId()));
    }

    @Test
    void aLeaderWhoseEntriesRatisRefusesForGoodGivesUpLeadership() throws Exception {
        TestNode old = nodes.awaitLeader();
        old.put("before", "1");

        old.exhaustPermits();

        assertThat(old.putAsync("after", "2").get(20, TimeUnit.SECONDS)).isPositive();
        TestNode next = nodes.awaitLeader();
        assertThat(next).isNotSameAs(old);
        assertThat(next.get("after")).isEqualTo("2");
        awaitSameContent();
        nodes.assertNothingFatal();
    }

    @Test
    void aFollowerThatWasAwayTooLongIsCaughtUpByASnapshot() throws Exception {
        TestNode away = follower();
        String name = away.settings().nodeId();
        nodes.awaitLeader().put("before", "1");
        long lastSeen = away.node().view().lastIndex();
        nodes.stop(away);

        TestNode leader = nodes.awaitLeader();
        leader.fill(1_700);
        await().atMost(LIMIT).until(() -> leader.node().view().startIndex() > lastSeen + 1);
        LogAppender sender = sender(leader, away);
        try (LogLines log = LogLines.ofAll(GrpcLogAppender.class)) {
            long asked = sender.getCallId();
            await().atMost(LIMIT).until(() -> sender.getCallId() >= asked + 10);
            assertThat(log.countWith("send snapshot")).as("snapshots for nobody").isZero();
        }
        nodes.start(name);

        awaitSameContent();
        TestNode back = nodes.get(name);
        assertThat(back.node().store().applied().index()).isGreaterThan(lastSeen + 1);
        assertThat(back.get("before")).isEqualTo("1");
        back.put("after", "2");
        assertThat(nodes.awaitLeader().get("after")).isEqualTo("2");
        awaitSameContent();
        nodes.assertNothingFatal();

        nodes.stop(back);
        nodes.start(name);
        awaitSameContent();
        nodes.assertNothingFatal();

        wipedNodeRejoinsWhileWritesGoOn(name);
    }

    /// With the log's beginning gone.
    private void wipedNodeRejoinsWhileWritesGoOn(String name) throws Exception {
        TestNode leader = nodes.awaitLeader();
        TestNode wiped = nodes.get(name) == leader ? follower() : nodes.get(name);
        long term = leader.node().view().term();
        nodes.stop(wiped);
        FileTrees.delete(wiped.settings().walDirectory());
        FileTrees.delete(wiped.settings().dataDirectory());
        AtomicBoolean joined = new AtomicBoolean();
        CompletableFuture<Long> writes =
                CompletableFuture.supplyAsync(() -> writeUntil(joined, leader));

        nodes.start(wiped.settings().nodeId());
        joined.set(true);

        assertThat(writes.get(LIMIT.toSeconds(), TimeUnit.SECONDS)).isPositive();
        awaitSameContent();
        assertThat(leader.node().view().term()).as("nobody had to help out").isEqualTo(term);
        nodes.assertNothingFatal();
    }

    /// The number of writes.
    private static long writeUntil(AtomicBoolean done, TestNode node) {
        try {
            long written = 0;
            while (!done.get()) {
                node.put("meanwhile", Long.toString(written++));
            }
            return written;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aWipedNodeRejoinsUnderANewIdentityInTheOldOnesPlace() throws Exception {
        TestNode wiped = follower();
        String name = wiped.settings().nodeId();
        String oldId = wiped.node().view().nodeId();
        nodes.awaitLeader().fill(20);
        nodes.stop(wiped);
        FileTrees.delete(wiped.settings().walDirectory());
        FileTrees.delete(wiped.settings().dataDirectory());

        nodes.start(name);

        TestNode back = nodes.get(name);
        String newId = back.node().view().nodeId();
        assertThat(newId).startsWith(name + "~").isNotEqualTo(oldId);
        await().atMost(LIMIT)
                .untilAsserted(() ->
                        assertThat(nodes.awaitLeader().node().members())
                                .hasSize(3)
                                .extracting(RaftNode.Member::raftId)
                                .contains(newId)
                                .doesNotContain(oldId));
        back.put("after", "1");
        assertThat(nodes.awaitLeader().get("after")).isEqualTo("1");
        awaitSameContent();
        nodes.assertNothingFatal();
    }

    @Test
    void allNodesKilledAtOnceLoseNothing() throws Exception {
        TestNode leader = nodes.awaitLeader();
        leader.fill(50);
        leader.put("a", "1");
        String hash = leader.hash();
        Map<String, TestNode.Plan> killed = new HashMap<>();
        for (TestNode node : nodes.all()) {
            killed.put(
                    node.settings().nodeId(),
                    node.copyAsKilled(root.resolve("killed-" + node.settings().nodeId())));
        }
        nodes.close();
        for (TestNode.Plan settings : killed.values()) {
            FileTrees.delete(root.resolve(settings.nodeId()));
            java.nio.file.Files.move(
                    Objects.requireNonNull(settings.walDirectory().getParent()),
                    root.resolve(settings.nodeId()));
        }

        nodes.start(addresses);

        for (TestNode node : nodes.all()) {
            assertThat(node.get("a")).isEqualTo("1");
            assertThat(node.hash()).isEqualTo(hash);
        }
        nodes.assertNothingFatal();
    }
}
