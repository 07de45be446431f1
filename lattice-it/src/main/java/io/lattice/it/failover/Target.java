package io.lattice.it.failover;

import io.lattice.it.cluster.TestCluster;
import io.lattice.it.cluster.TlsMaterial;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import org.jspecify.annotations.Nullable;

/// One node as its clients reach it.
///
/// @param tls null: plain text
/// @param tenant what they name with each call; null: none
record Target(
        String name, String host, int port, @Nullable TlsMaterial tls, @Nullable String tenant) {
    private static final int CONNECT_LIMIT_MS = 500;

    static Target of(TestCluster cluster, int index, @Nullable String tenant) {
        return new Target(
                cluster.node(index).name(),
                cluster.node(index).host(),
                cluster.node(index).clientPort(),
                cluster.tls(),
                tenant);
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
