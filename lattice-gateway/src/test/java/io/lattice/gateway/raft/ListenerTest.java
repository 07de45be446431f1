package io.lattice.gateway.raft;

import static io.lattice.gateway.raft.TestNodes.LIMIT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import io.lattice.statemachine.storage.FileTrees;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Two voters and a listener in this JVM, over real connections and directories.
@Timeout(180)
class ListenerTest {
    @TempDir Path root;

    private final List<PeerAddress> addresses = TestNode.addresses(3);
    private List<PeerAddress> voters = addresses.subList(0, 2);
    private List<PeerAddress> listeners = List.of();
    private final TestNodes nodes =
            new TestNodes(
                    nodeId -> TestNode.settings(root.resolve(nodeId), nodeId, voters, listeners));

    @AfterEach
    void stopAll() throws IOException {
        nodes.close();
    }

    private void startVoters() throws Exception {
        nodes.start(voters);
        nodes.awaitLeader();
        configure(voters, addresses.subList(2, 3));
    }

    private TestNode other(TestNode node, String listener) {
        return nodes.all().stream()
                .filter(n -> n != node && !n.settings().nodeId().equals(listener))
                .findFirst()
                .orElseThrow();
    }

    private void configure(List<PeerAddress> wantedVoters, List<PeerAddress> wantedListeners) {
        voters = wantedVoters;
        listeners = wantedListeners;
        nodes.all().forEach(node -> node.configure(voters, listeners));
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
        assertThat(nodes.awaitLeader().node().members())
                .filteredOn(RaftNode.Member::listener)
                .extracting(RaftNode.Member::raftId)
                .containsExactly(node.node().view().nodeId());
    }

    private void assertListensWithTheData(TestNode node) throws Exception {
        assertListens(node);
        assertThat(node.get("before")).isEqualTo("1");
        nodes.assertNothingFatal();
    }

    @Test
    void aListenerIsCaughtUpByASnapshotAndIsOneWhateverHappens() throws Exception {
        startVoters();
        TestNode leader = nodes.awaitLeader();
        leader.fill(400);
        await().atMost(LIMIT).until(() -> leader.checkpointIndex() > 0);

        TestNode joined = nodes.start("n3");

        assertListens(joined);
        assertThat(joined.node().view().startIndex()).isPositive();
        assertThat(nodes.awaitLeader().node().candidates())
                .doesNotContain(joined.node().view().nodeId());
        nodes.stop(joined);
        nodes.awaitLeader().put("meanwhile", "1");
        TestNode restarted = nodes.start("n3");
        assertListens(restarted);
        assertThat(restarted.get("meanwhile")).isEqualTo("1");
        withoutAMajorityItNeitherVotesNorStandsForElection(restarted);
        nodes.assertNothingFatal();
    }

    private void withoutAMajorityItNeitherVotesNorStandsForElection(TestNode listener)
            throws Exception {
        TestNode leader = nodes.awaitLeader();
        TestNode follower = other(leader, "n3");
        long term = listener.node().view().term();

        nodes.stop(follower);

        await().atMost(LIMIT).until(() -> leader.node().view().leader() == null);
        await().atMost(LIMIT).until(() -> listener.node().view().leader() == null);
        assertThat(listener.node().view().hasListenersRole()).isTrue();
        assertThat(listener.node().view().term()).isEqualTo(term);
        nodes.start(follower.settings().nodeId());
        listener.put("again", "1");
        assertThat(nodes.awaitLeader().get("again")).isEqualTo("1");
    }

    @Test
    void aListenerThatWasTakenOutWhileItWasAwayJoinsAnew() throws Exception {
        startVoters();
        TestNode listener = nodes.start("n3");
        listener.put("before", "1");
        // As good as having been silent for long.
        listener.node().askWhetherGone(true, () -> {});
        configure(addresses.subList(0, 2), List.of());
        await().atMost(LIMIT)
                .until(() -> {
                    takeOutOthersAs(nodes.awaitLeader());
                    return nodes.awaitLeader().node().members().size() == 2;
                });
        nodes.stop(listener);
        configure(addresses.subList(0, 2), addresses.subList(2, 3));

        TestNode back = nodes.start("n3");

        assertListensWithTheData(back);
    }

    @Test
    void aVoterThatComesUpFirstWhenTheFormerOneListensTakesItsData() throws Exception {
        configure(addresses.subList(0, 1), List.of());
        TestNode former = nodes.start("n1");
        former.put("before", "1");
        configure(addresses.subList(1, 2), addresses.subList(0, 1));

        TestNode voter = nodes.start("n2");

        AtomicBoolean gone = new AtomicBoolean();
        await().atMost(LIMIT)
                .until(() -> {
                    former.node().askWhetherGone(true, () -> gone.set(true));
                    takeOutOthersAs(nodes.awaitLeader());
                    return gone.get();
                });
        assertThat(voter.get("before")).isEqualTo("1");
        nodes.stop(former);
        TestNode listener = nodes.start("n1");
        assertListensWithTheData(listener);
    }

    @Test
    void theOnlyVoterFoundsNothingWithoutItsDiskWhileAListenerHasTheData() throws Exception {
        configure(addresses.subList(0, 1), addresses.subList(1, 2));
        nodes.start(addresses.subList(0, 2));
        TestNode listener = nodes.get("n2");
        listener.put("before", "1");
        TestNode voter = nodes.get("n1");
        nodes.stop(voter);
        TestNode.Plan wiped = voter.settings();
        FileTrees.delete(wiped.walDirectory());
        FileTrees.delete(wiped.dataDirectory());
        nodes.stop(listener);

        try (LogLines lines = LogLines.of(Formation.class)) {
            TestNode.Beginning beginning = nodes.begin("n1");
            await().atMost(LIMIT).until(() -> lines.count("waiting for all nodes to found") > 0);
            TestNode restarted = nodes.start("n2");
            await().atMost(LIMIT).until(() -> lines.count("group test exists on [n2]") > 0);

            assertThat(beginning.isDone()).isFalse();
            assertThat(restarted.getLocally("before")).isEqualTo("1");
            beginning.giveUp();
        }
    }
}
