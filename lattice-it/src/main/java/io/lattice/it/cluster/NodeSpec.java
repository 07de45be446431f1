package io.lattice.it.cluster;

import java.nio.file.Path;
import java.util.List;

/// Where one node lives.
///
/// @param name the node's id: n1, n2, …
/// @param host the address of all its ports
/// @param directory holds its configuration, data, Raft log and output
public record NodeSpec(
        String name, String host, int clientPort, int raftPort, int metricsPort, Path directory) {

    /// The node's client URL.
    public String clientUrl(boolean tls) {
        return "%s://%s:%d".formatted(tls ? "https" : "http", host, clientPort);
    }

    /// What is removed when a node loses its disk.
    public List<Path> stores() {
        return List.of(directory.resolve("data"), directory.resolve("wal"));
    }

    Path config() {
        return directory.resolve("lattice.toml");
    }

    Path log() {
        return directory.resolve("log");
    }
}
