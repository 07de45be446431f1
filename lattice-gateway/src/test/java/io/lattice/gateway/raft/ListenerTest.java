package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Two voters and a listener in this JVM, over real connections and directories.
@Timeout(180)
class ListenerTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final long SNAPSHOT_THRESHOLD = 300;

    @TempDir Path root;

    private final Map<String, TestNode> nodes = new HashMap<>();
    private final List<PeerAddress> addresses = TestNode.addresses(3);
    private List<PeerAddress> voters = addresses.subList(0, 2);
    private List<PeerAddress> listeners = addresses.subList(2, 3);

    @BeforeEach
    void startVoters() throws Exception {
        List<CompletableFuture<TestNode>> starting =
                voters.stream().map(address -> startAsync(address.nodeId())).toList();
        for (CompletableFuture<TestNode> node : starting) {
            add(node);
        }
        awaitLeader();
    }

    @AfterEach
    void stopAll() throws IOException {
        for (TestNode node : nodes.values()) {
            node.close();
        }
    }

    private CompletableFuture<TestNode> startAsync(String nodeId) {
        return TestNode.startAsync(
                TestNode.settings(root.resolve(nodeId), nodeId, voters, listeners),
                SNAPSHOT_THRESHOLD);
    }

    private TestNode add(CompletableFuture<TestNode> starting) throws Exception {
        TestNode node = starting.get(60, TimeUnit.SECONDS);
        nodes.put(node.settings().nodeId(), node);
        return node;
    }

    private TestNode start(String nodeId) throws Exception {
        return add(startAsync(nodeId));
    }

    private void stop(TestNode node) throws IOException {
        nodes.remove(node.settings().nodeId());
        node.close();
    }

    private @Nullable TestNode leader() {
        return nodes.values().stream().filter(TestNode::leads).findFirst().orElse(null);
    }

    private TestNode awaitLeader() {
        await().atMost(LIMIT).until(() -> leader() != null);
        return Objects.requireNonNull(leader());
    }

    private TestNode other(TestNode node, String listener) {
        return nodes.values().stream()
                .filter(n -> n != node && !n.settings().nodeId().equals(listener))
                .findFirst()
                .orElseThrow();
    }

    private void configure(List<PeerAddress> wantedVoters, List<PeerAddress> wantedListeners) {
        voters = wantedVoters;
        listeners = wantedListeners;
        nodes.values().forEach(node -> node.configure(voters, listeners));
    }

    /// What a node's look after the members does in between.
    private void takeOutOthersAs(TestNode leader) {
        leader.node()
                .dropOthers(
                        voters.stream().map(PeerAddress::nodeId).toList(),
                        listeners.stream().map(PeerAddress::nodeId).toList());
    }

    private void assertListens(TestNode node) {
        assertThat(node.node().view().hasListenersRole()).isTrue();
        assertThat(node.node().view().isListener()).isTrue();
        assertThat(awaitLeader().node().members())
                .filteredOn(RaftNode.Member::listener)
                .extracting(RaftNode.Member::raftId)
                .containsExactly(node.node().view().nodeId());
    }

    private void assertNothingFatal() {
        nodes.values().forEach(n -> assertThat(n.fatal()).isEmpty());
    }

    @Test
    void aListenerIsCaughtUpByASnapshotAndIsOneWhateverHappens() throws Exception {
        TestNode leader = awaitLeader();
        leader.fill(400);
        await().atMost(LIMIT).until(() -> leader.checkpointIndex() > 0);

        TestNode joined = start("n3");

        assertListens(joined);
        assertThat(joined.node().view().startIndex()).isPositive();
        assertThat(awaitLeader().node().candidates()).doesNotContain(joined.node().view().nodeId());
        stop(joined);
        awaitLeader().put("meanwhile", "1");
        TestNode restarted = start("n3");
        assertListens(restarted);
        assertThat(restarted.get("meanwhile")).isEqualTo("1");
        withoutAMajorityItNeitherVotesNorStandsForElection(restarted);
        assertNothingFatal();
    }

    private void withoutAMajorityItNeitherVotesNorStandsForElection(TestNode listener)
            throws Exception {
        TestNode leader = awaitLeader();
        TestNode follower = other(leader, "n3");
        long term = listener.node().view().term();

        stop(follower);

        await().atMost(LIMIT).until(() -> leader.node().view().leader() == null);
        await().atMost(LIMIT).until(() -> listener.node().view().leader() == null);
        assertThat(listener.node().view().hasListenersRole()).isTrue();
        assertThat(listener.node().view().term()).isEqualTo(term);
        start(follower.settings().nodeId());
        listener.put("again", "1");
        assertThat(awaitLeader().get("again")).isEqualTo("1");
    }

    @Test
    void aListenerThatWasTakenOutWhileItWasAwayJoinsAnew() throws Exception {
        TestNode listener = start("n3");
        listener.put("before", "1");
        // As good as having been silent for long.
        listener.node().askWhetherGone(true, () -> {});
        configure(addresses.subList(0, 2), List.of());
        await().atMost(LIMIT)
                .until(() -> {
                    takeOutOthersAs(awaitLeader());
                    return awaitLeader().node().members().size() == 2;
                });
        stop(listener);
        configure(addresses.subList(0, 2), addresses.subList(2, 3));

        TestNode back = start("n3");

        assertListens(back);
        assertThat(back.get("before")).isEqualTo("1");
        assertNothingFatal();
    }
}
