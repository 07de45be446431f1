package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import io.lattice.statemachine.raft.FileTrees;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Three nodes in this JVM, over real connections and directories.
@Timeout(180)
class RaftGroupTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final long SNAPSHOT_THRESHOLD = 300;

    @TempDir Path root;

    private final List<PeerAddress> addresses = TestNode.addresses(3);
    private final Map<String, TestNode> nodes = new HashMap<>();

    @BeforeEach
    void startAll() throws Exception {
        List<CompletableFuture<TestNode>> starting =
                addresses.stream().map(address -> startAsync(address.nodeId())).toList();
        for (CompletableFuture<TestNode> node : starting) {
            add(node);
        }
        await().atMost(LIMIT).until(() -> leader() != null);
    }

    @AfterEach
    void stopAll() throws IOException {
        for (TestNode node : nodes.values()) {
            node.close();
        }
    }

    private CompletableFuture<TestNode> startAsync(String nodeId) {
        return TestNode.startAsync(
                TestNode.settings(root.resolve(nodeId), nodeId, addresses), SNAPSHOT_THRESHOLD);
    }

    private void add(CompletableFuture<TestNode> starting) throws Exception {
        TestNode node = starting.get(60, TimeUnit.SECONDS);
        nodes.put(node.settings().nodeId(), node);
    }

    private void stop(TestNode node) throws IOException {
        nodes.remove(node.settings().nodeId());
        node.close();
    }

    private @org.jspecify.annotations.Nullable TestNode leader() {
        return nodes.values().stream().filter(TestNode::leads).findFirst().orElse(null);
    }

    private TestNode awaitLeader() {
        await().atMost(LIMIT).until(() -> leader() != null);
        return Objects.requireNonNull(leader());
    }

    private TestNode follower() {
        TestNode leader = awaitLeader();
        return nodes.values().stream().filter(n -> n != leader).findFirst().orElseThrow();
    }

    private void awaitSameContent() {
        await().atMost(LIMIT)
                // A store can't be read while a snapshot replaces it.
                .ignoreExceptionsInstanceOf(IllegalStateException.class)
                .untilAsserted(() ->
                        assertThat(nodes.values().stream().map(TestNode::hash).distinct())
                                .hasSize(1));
    }

    private void assertNothingFatal() {
        nodes.values().forEach(n -> assertThat(n.fatal()).isEmpty());
    }

    @Test
    void everyNodeWritesAndEveryNodeReadsIt() throws Exception {
        for (TestNode writer : List.copyOf(nodes.values())) {
            String key = "from " + writer.settings().nodeId();
            writer.put(key, "1");

            for (TestNode reader : nodes.values()) {
                assertThat(reader.get(key)).isEqualTo("1");
            }
        }
        awaitSameContent();
        assertNothingFatal();
    }

    @Test
    void leadershipIsHandedOverWhileWritesGoOn() throws Exception {
        TestNode old = awaitLeader();
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
        assertNothingFatal();
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
        TestNode old = awaitLeader();
        old.put("a", "1");

        stop(old);

        TestNode next = awaitLeader();
        assertThat(next.get("a")).isEqualTo("1");
        next.put("b", "2");
        assertThat(follower().get("b")).isEqualTo("2");
    }

    @Test
    void aFollowerWhoseSenderDiedIsServedAgain() throws Exception {
        TestNode leader = awaitLeader();
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
        assertThat(awaitLeader().get("last")).isEqualTo("3");
        awaitSameContent();
        assertNothingFatal();
    }

    @Test
    void aLeaderWhoseEntriesRatisRefusesForGoodGivesUpLeadership() throws Exception {
        TestNode old = awaitLeader();
        old.put("before", "1");

        old.exhaustPermits();

        assertThat(old.putAsync("after", "2").get(20, TimeUnit.SECONDS)).isPositive();
        TestNode next = awaitLeader();
        assertThat(next).isNotSameAs(old);
        assertThat(next.get("after")).isEqualTo("2");
        awaitSameContent();
        assertNothingFatal();
    }

    @Test
    void aFollowerThatWasAwayTooLongIsCaughtUpByASnapshot() throws Exception {
        TestNode away = follower();
        String name = away.settings().nodeId();
        awaitLeader().put("before", "1");
        long lastSeen = away.node().view().lastIndex();
        stop(away);

        TestNode leader = awaitLeader();
        leader.fill(1_700);
        await().atMost(LIMIT).until(() -> leader.node().view().startIndex() > lastSeen + 1);
        add(startAsync(name));

        awaitSameContent();
        TestNode back = Objects.requireNonNull(nodes.get(name));
        assertThat(back.node().store().applied().index()).isGreaterThan(lastSeen + 1);
        assertThat(back.get("before")).isEqualTo("1");
        back.put("after", "2");
        assertThat(awaitLeader().get("after")).isEqualTo("2");
        awaitSameContent();
        assertNothingFatal();

        stop(back);
        add(startAsync(name));
        awaitSameContent();
        assertNothingFatal();
    }

    @Test
    void aWipedNodeRejoinsUnderANewIdentityInTheOldOnesPlace() throws Exception {
        TestNode wiped = follower();
        String name = wiped.settings().nodeId();
        String oldId = wiped.node().view().nodeId();
        awaitLeader().fill(20);
        stop(wiped);
        FileTrees.delete(wiped.settings().walDirectory());
        FileTrees.delete(wiped.settings().dataDirectory());

        add(startAsync(name));

        TestNode back = Objects.requireNonNull(nodes.get(name));
        String newId = back.node().view().nodeId();
        assertThat(newId).startsWith(name + "~").isNotEqualTo(oldId);
        await().atMost(LIMIT)
                .untilAsserted(() ->
                        assertThat(awaitLeader().node().members())
                                .hasSize(3)
                                .extracting(RaftNode.Member::raftId)
                                .contains(newId)
                                .doesNotContain(oldId));
        back.put("after", "1");
        assertThat(awaitLeader().get("after")).isEqualTo("1");
        awaitSameContent();
        assertNothingFatal();
    }

    @Test
    void allNodesKilledAtOnceLoseNothing() throws Exception {
        TestNode leader = awaitLeader();
        leader.fill(50);
        leader.put("a", "1");
        String hash = leader.hash();
        Map<String, TestNode.Plan> killed = new HashMap<>();
        for (TestNode node : nodes.values()) {
            killed.put(
                    node.settings().nodeId(),
                    node.copyAsKilled(root.resolve("killed-" + node.settings().nodeId())));
        }
        stopAll();
        nodes.clear();
        for (TestNode.Plan settings : killed.values()) {
            FileTrees.delete(root.resolve(settings.nodeId()));
            java.nio.file.Files.move(
                    Objects.requireNonNull(settings.walDirectory().getParent()),
                    root.resolve(settings.nodeId()));
        }

        List<CompletableFuture<TestNode>> starting =
                addresses.stream().map(address -> startAsync(address.nodeId())).toList();
        for (CompletableFuture<TestNode> node : starting) {
            add(node);
        }

        for (TestNode node : nodes.values()) {
            assertThat(node.get("a")).isEqualTo("1");
            assertThat(node.hash()).isEqualTo(hash);
        }
        assertNothingFatal();
    }
}
