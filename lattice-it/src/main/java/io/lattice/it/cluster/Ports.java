package io.lattice.it.cluster;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.concurrent.atomic.AtomicInteger;

/// Hands out loopback ports from 24000 to 29999: below the kernel's ephemeral range, so that no outgoing
/// connection takes one between the look and the bind, and clear of the ports that people use by hand.
/// Where the search starts depends on the process id, so that two test runs seldom meet. Thread safe.
public final class Ports {
    private static final int FIRST = 24_000;
    private static final int COUNT = 6_000;
    private static final AtomicInteger NEXT =
            new AtomicInteger((int) (ProcessHandle.current().pid() * 131 % COUNT));

    private Ports() {}

    /// A port that nothing listens on and that this process has not handed out before (until all
    /// 6,000 have been).
    ///
    /// @throws IllegalStateException if none is free
    public static int free() {
        for (int attempt = 0; attempt < COUNT; attempt++) {
            int port = FIRST + Math.floorMod(NEXT.getAndIncrement(), COUNT);
            if (isFree(port)) {
                return port;
            }
        }
        throw new IllegalStateException(
                "no free port from " + FIRST + " to " + (FIRST + COUNT - 1));
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            return true;
        } catch (IOException taken) {
            return false;
        }
    }
}
