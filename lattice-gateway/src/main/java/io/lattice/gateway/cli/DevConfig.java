package io.lattice.gateway.cli;

import io.lattice.gateway.config.LatticeConfig;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// The configurations that the program writes itself: the single node of `start --dev` and the nodes
/// of `init --dev`. All of them listen on the loopback interface only.
final class DevConfig {
    static final int DEFAULT_BASE_PORT = 2379;

    /// Node i has its client port at base + 10 i, its Raft port next, its metrics port after that.
    private static final int PORTS_PER_NODE = 10;

    private DevConfig() {}

    /// The ids of the nodes of a cluster: n1, n2, …
    static List<String> nodeIds(int nodes) {
        return IntStream.rangeClosed(1, nodes).mapToObj(number -> "n" + number).toList();
    }

    static int clientPort(int basePort, int index) {
        return basePort + PORTS_PER_NODE * index;
    }

    /// The largest base port with which all ports of all nodes are valid.
    static int maxBasePort(int nodes) {
        return 65_535 - PORTS_PER_NODE * (nodes - 1) - 2;
    }

    /// The configuration of `start --dev`.
    static String singleNode() {
        return """
        [cluster]
        name = "dev"
        node_id = "n1"
        raft_bind = "127.0.0.1:2380"

        [listeners.grpc]
        bind = "127.0.0.1:2379"
        insecure = true

        [paths]
        data_dir = "lattice-dev/data"
        wal_dir = "lattice-dev/wal"

        [telemetry]
        metrics_bind = "127.0.0.1:2381"
        json_logs = false
        """;
    }

    static boolean isLoopbackOnly(LatticeConfig config) {
        return config.grpc().bind().isLoopback()
                && config.cluster().raftBind().isLoopback()
                && config.telemetry().metricsBind().isLoopback();
    }

    /// The configuration of one node of `init --dev`; its paths are relative to the node's directory.
    ///
    /// @param nodes how many the cluster has
    /// @param index of this one, from 0
    static String node(String cluster, int nodes, int index, int basePort, boolean insecure) {
        int clientPort = clientPort(basePort, index);
        String nodeId = nodeIds(nodes).get(index);
        String peers =
                IntStream.range(0, nodes)
                        .mapToObj(peer ->
                                "\"%s=127.0.0.1:%d\""
                                        .formatted(
                                                nodeIds(nodes).get(peer),
                                                clientPort(basePort, peer) + 1))
                        .collect(Collectors.joining(", "));
        String security =
                insecure
                        ? "insecure = true\n"
                        : """
                        tls_chain_path = "../tls/%1$s/server.crt"
                        tls_key_path = "../tls/%1$s/server.key"
                        client_ca_path = "../tls/ca.crt"
                        """
                                .formatted(nodeId);
        return """
        # Written by lattice init --dev. All keys are described in config/lattice.toml of the
        # distribution. Relative paths are relative to this file.

        [cluster]
        name = "%s"
        node_id = "%s"
        raft_bind = "127.0.0.1:%d"
        peers = [%s]

        [listeners.grpc]
        bind = "127.0.0.1:%d"
        %s
        [paths]
        data_dir = "data"
        wal_dir = "wal"

        [telemetry]
        metrics_bind = "127.0.0.1:%d"
        json_logs = false
        """
                .formatted(
                        cluster,
                        nodeId,
                        clientPort + 1,
                        peers,
                        clientPort,
                        security,
                        clientPort + 2);
    }
}
