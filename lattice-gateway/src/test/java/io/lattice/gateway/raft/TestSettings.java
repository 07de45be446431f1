package io.lattice.gateway.raft;

import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;

/// Settings of nodes under test: short timeouts and small limits.
final class TestSettings {
    static final UUID GROUP = UUID.nameUUIDFromBytes(new byte[] {1});
    static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(5);
    static final Duration BATCH_WAIT_MAX = Duration.ofMillis(20);
    static final int BATCH_COMMANDS_MAX = 4;
    static final int BATCH_BYTES_MAX = 1_000;
    static final int QUEUE_COMMANDS_MAX = 10;
    static final long QUEUE_BYTES_MAX = 4_000;

    private TestSettings() {}

    /// The only node of a cluster, with directories below `root`.
    static RaftSettings single(Path root, String nodeId) {
        return of(root, nodeId, GROUP, 1);
    }

    /// The only node of a cluster, without files.
    static RaftSettings waiting(String nodeId, Duration batchWaitMax) {
        return of(Path.of("unused"), nodeId, GROUP, 1, batchWaitMax);
    }

    /// Limits that a unit test reaches with a handful of commands.
    static RaftSettings of(Path root, String nodeId, UUID cluster, int port) {
        return of(root, nodeId, cluster, port, BATCH_WAIT_MAX);
    }

    private static RaftSettings of(
            Path root, String nodeId, UUID cluster, int port, Duration batchWaitMax) {
        return new RaftSettings(
                nodeId,
                cluster,
                true,
                "127.0.0.1",
                port,
                root.resolve("wal"),
                root.resolve("data"),
                Duration.ofMillis(300),
                Duration.ofMillis(600),
                1 << 16,
                10,
                REQUEST_TIMEOUT,
                BATCH_COMMANDS_MAX,
                BATCH_BYTES_MAX,
                batchWaitMax,
                QUEUE_COMMANDS_MAX,
                QUEUE_BYTES_MAX,
                null);
    }
}
