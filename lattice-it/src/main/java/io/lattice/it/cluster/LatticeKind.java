package io.lattice.it.cluster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// A Lattice node: from the distribution, or from this JVM's class path.
///
/// @param extra lines of TOML that follow the generated configuration, so whole sections
/// @param diskFaults null: the disks work
/// @param wallClock null: the machine's
/// @param placed whether a control plane's manifest places the nodes, so that their files don't
public record LatticeKind(
        String extra,
        @Nullable DiskFaults diskFaults,
        @Nullable WallClock wallClock,
        boolean placed)
        implements ServerKind {
    public LatticeKind {
        if (diskFaults != null && wallClock != null) {
            throw new IllegalArgumentException("only one library is loaded before the C library");
        }
    }

    /// Lattice with nothing but the keys that every node needs.
    public LatticeKind() {
        this("");
    }

    /// Lattice on disks that work.
    public LatticeKind(String extra) {
        this(extra, null, null, false);
    }

    /// Lattice on disks that may misbehave.
    public LatticeKind(String extra, @Nullable DiskFaults diskFaults) {
        this(extra, diskFaults, null, false);
    }

    /// Lattice with nodes that may be shown other wall clocks.
    public LatticeKind(WallClock wallClock) {
        this("", null, wallClock, false);
    }

    /// Lattice that a control plane's manifest places.
    public static LatticeKind placed(String extra) {
        return placed(extra, null);
    }

    /// The same on disks that may misbehave.
    public static LatticeKind placed(String extra, @Nullable DiskFaults diskFaults) {
        return new LatticeKind(extra, diskFaults, null, true);
    }

    @Override
    public void prepare(NodeSpec node, Layout layout) {
        try {
            Files.createDirectories(node.directory());
            Files.writeString(node.config(), configuration(node, layout));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + node.config(), e);
        }
    }

    /// The text of the node's configuration file.
    public String configuration(NodeSpec node, Layout layout) {
        String peers =
                placed
                        ? ""
                        : """
                        raft_address = "%s:%d"
                        peers = %s
                        """
                                .formatted(node.host(), node.raftPort(), peers(layout));
        return """
        [cluster]
        name = "%s"
        node_id = "%s"
        raft_bind = "%s:%d"
        %s
        client_urls = ["%s"]

        [listeners.grpc]
        bind = "%s:%d"
        %s
        [durability]
        mode = "quorum"
        quorum_size = %d

        [paths]
        data_dir = "%s"
        wal_dir = "%s"

        [telemetry]
        enabled = true
        metrics_bind = "%s:%d"
        log_level = "info"
        json_logs = false

        %s
        """
                .formatted(
                        layout.name(),
                        node.name(),
                        node.host(),
                        node.raftPort(),
                        peers,
                        node.clientUrl(layout.tls() != null),
                        node.host(),
                        node.clientPort(),
                        security(layout),
                        layout.nodes().size() / 2 + 1,
                        node.directory().resolve("data"),
                        node.directory().resolve("wal"),
                        node.host(),
                        node.metricsPort(),
                        extra);
    }

    private static String peers(Layout layout) {
        return layout.nodes().stream()
                .map(peer -> "\"%s=%s:%d\"".formatted(peer.name(), peer.host(), peer.raftPort()))
                .collect(Collectors.joining(", ", "[", "]"));
    }

    private static String security(Layout layout) {
        TlsMaterial tls = layout.tls();
        if (tls == null) {
            return "insecure = true\n";
        }
        return """
        tls_chain_path = "%s"
        tls_key_path = "%s"
        client_ca_path = "%s"
        """
                .formatted(tls.serverCertificate(), tls.serverKey(), tls.ca());
    }

    @Override
    public List<String> command(NodeSpec node, Layout layout, boolean rejoining) {
        List<String> command = new ArrayList<>(Tools.lattice());
        command.addAll(List.of("start", "--config", node.config().toString()));
        return command;
    }

    @Override
    public Map<String, String> environment(NodeSpec node) {
        if (wallClock != null) {
            return wallClock.environment(node);
        }
        return diskFaults == null ? Map.of() : diskFaults.environment(node);
    }
}
