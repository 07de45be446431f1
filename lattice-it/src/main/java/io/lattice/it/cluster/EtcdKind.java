package io.lattice.it.cluster;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// The real etcd: the oracle of the differential tests, and what the harness itself is tested with.
///
/// @param fsync whether it syncs its log; the oracle needs no durability and is faster without
public record EtcdKind(boolean fsync) implements ServerKind {

    @Override
    public void prepare(NodeSpec node, Layout layout) {}

    @Override
    public List<String> command(NodeSpec node, Layout layout, boolean rejoining) {
        String client = node.clientUrl(layout.tls() != null);
        String peer = peerUrl(node, layout);
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Tools.pinned("etcd").toString(),
                                "--name=" + node.name(),
                                "--data-dir=" + node.directory().resolve("data"),
                                "--listen-client-urls=" + client,
                                "--advertise-client-urls=" + client,
                                "--listen-peer-urls=" + peer,
                                "--initial-advertise-peer-urls=" + peer,
                                "--initial-cluster-token=" + layout.name(),
                                "--initial-cluster=" + members(layout),
                                "--initial-cluster-state=" + (rejoining ? "existing" : "new"),
                                "--log-level=warn"));
        if (!fsync) {
            command.add("--unsafe-no-fsync");
        }
        TlsMaterial tls = layout.tls();
        if (tls != null) {
            command.addAll(
                    List.of(
                            "--client-cert-auth",
                            "--trusted-ca-file=" + tls.ca(),
                            "--cert-file=" + tls.serverCertificate(),
                            "--key-file=" + tls.serverKey(),
                            "--peer-client-cert-auth",
                            "--peer-trusted-ca-file=" + tls.ca(),
                            "--peer-cert-file=" + tls.serverCertificate(),
                            "--peer-key-file=" + tls.serverKey()));
        }
        return command;
    }

    @Override
    public Map<String, String> environment(NodeSpec node) {
        return Map.of();
    }

    /// Where the node's peers reach it.
    public static String peerUrl(NodeSpec node, Layout layout) {
        return "%s://%s:%d".formatted(layout.scheme(), node.host(), node.raftPort());
    }

    private static String members(Layout layout) {
        return layout.nodes().stream()
                .map(node -> node.name() + "=" + peerUrl(node, layout))
                .collect(Collectors.joining(","));
    }
}
