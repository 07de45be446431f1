package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// The nodes of one group that run in this JVM.
final class TestNodes implements AutoCloseable {
    static final Duration LIMIT = Duration.ofSeconds(60);
    private static final long SNAPSHOT_THRESHOLD = 300;

    private final Map<String, TestNode> running = new HashMap<>();
    private final Function<String, TestNode.Plan> plans;

    /// @param plans of a node that is to be started, by its node id
    TestNodes(Function<String, TestNode.Plan> plans) {
        this.plans = plans;
    }

    /// Begins to start a node. It is among these once it is [#started].
    TestNode.Beginning begin(String nodeId) {
        return TestNode.startAsync(plans.apply(nodeId), SNAPSHOT_THRESHOLD);
    }

    TestNode started(CompletableFuture<TestNode> beginning) throws Exception {
        TestNode node = beginning.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        running.put(node.settings().nodeId(), node);
        return node;
    }

    TestNode start(String nodeId) throws Exception {
        return started(begin(nodeId));
    }

    /// Starts nodes that wait for each other.
    void start(List<PeerAddress> addresses) throws Exception {
        List<TestNode.Beginning> beginning =
                addresses.stream().map(address -> begin(address.nodeId())).toList();
        for (CompletableFuture<TestNode> node : beginning) {
            started(node);
        }
    }

    Collection<TestNode> all() {
        return running.values();
    }

    TestNode get(String nodeId) {
        return Objects.requireNonNull(running.get(nodeId));
    }

    void stop(TestNode node) throws IOException {
        running.remove(node.settings().nodeId());
        node.close();
    }

    private @Nullable TestNode leader() {
        return running.values().stream().filter(TestNode::leads).findFirst().orElse(null);
    }

    TestNode awaitLeader() {
        await().atMost(LIMIT).until(() -> leader() != null);
        return Objects.requireNonNull(leader());
    }

    void assertNothingFatal() {
        running.values().forEach(node -> assertThat(node.fatal()).isEmpty());
    }

    @Override
    public void close() throws IOException {
        for (TestNode node : running.values()) {
            node.close();
        }
        running.clear();
    }
}
