package io.lattice.it.failover;

import io.lattice.it.cluster.TestCluster;
import io.lattice.it.cluster.TlsMaterial;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// One node as its clients reach it.
///
/// @param tls null: plain text
record Target(String name, String host, int port, @Nullable TlsMaterial tls) {
    private static final int CONNECT_LIMIT_MS = 500;

    static Target of(TestCluster cluster, int index) {
        return new Target(
                cluster.node(index).name(),
                cluster.node(index).host(),
                cluster.node(index).clientPort(),
                cluster.tls());
    }

    static List<Target> all(TestCluster cluster) {
        return IntStream.range(0, cluster.size()).mapToObj(i -> of(cluster, i)).toList();
    }

    String url() {
        return "%s://%s:%d".formatted(tls == null ? "http" : "https", host, port);
    }

    /// Whether the port takes connections now.
    boolean isListening() {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(host, port), CONNECT_LIMIT_MS);
            return true;
        } catch (IOException refused) {
            return false;
        }
    }
}
