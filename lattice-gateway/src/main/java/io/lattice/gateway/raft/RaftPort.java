package io.lattice.gateway.raft;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;

/// The port that Ratis binds.
final class RaftPort {
    private RaftPort() {}

    /// Ratis ends the process without a word when it can't bind.
    ///
    /// @param host empty for all addresses
    /// @throws IOException if it can't be bound
    static void requireFree(String host, int port) throws IOException {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(
                    new InetSocketAddress(
                            host.isEmpty() ? null : InetAddress.getByName(host), port));
        } catch (IOException e) {
            throw new IOException(
                    "the Raft port %s:%d can't be bound: %s".formatted(host, port, e.getMessage()),
                    e);
        }
    }
}
