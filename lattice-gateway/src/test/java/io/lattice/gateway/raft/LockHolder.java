package io.lattice.gateway.raft;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// A process that holds a lock file until it is killed.
final class LockHolder {
    /// Printed when the lock is held.
    static final String HELD = "held";

    private LockHolder() {}

    /// @param args the lock file
    public static void main(String[] args) throws IOException {
        try (FileChannel channel =
                        FileChannel.open(
                                Path.of(args[0]),
                                StandardOpenOption.CREATE,
                                StandardOpenOption.WRITE);
                FileLock lock = channel.lock()) {
            System.out.print(lock.isValid() ? HELD : "lost");
            System.out.flush();
            // Nobody writes to standard input: this waits for the kill, or the end of the parent.
            int end = System.in.read();
            System.out.print(end);
        }
    }
}
