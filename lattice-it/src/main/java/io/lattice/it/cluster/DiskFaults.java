package io.lattice.it.cluster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;

/// Makes syncs of single nodes fail or hang, in real server processes: a small C library that is loaded before the C
/// library stands between them and `fsync`, `fdatasync` and `sync_file_range`. It needs gcc, and servers that call
/// the C library (a Go program such as etcd doesn't). Thread-safe.
public final class DiskFaults {
    private static final String NAME = "disk_fault";

    private final Path library;

    private DiskFaults(Path library) {
        this.library = library;
    }

    /// What a sync does.
    public enum Mode {
        /// Reports an I/O error, every time.
        FAIL("fail"),
        /// Reports an I/O error once, and passes from then on, as Linux does it.
        FAIL_ONCE("fail-once"),
        /// Doesn't return before the fault is healed.
        HANG("hang");

        private final String text;

        Mode(String text) {
            this.text = text;
        }
    }

    /// Compiles the library into `folder`.
    ///
    /// @throws IllegalStateException if that doesn't work, with what gcc said
    public static DiskFaults create(Path folder) {
        return new DiskFaults(Preloaded.compile(NAME, folder));
    }

    /// What the node's process must have in its environment.
    Map<String, String> environment(NodeSpec node) {
        return Map.of(
                "LD_PRELOAD",
                library.toString(),
                "LATTICE_IT_DISK_FAULT",
                control(node).toString());
    }

    /// From now on syncs of the node's files that match `pattern` misbehave; another fault of the node is replaced.
    ///
    /// @param pattern a shell pattern for absolute paths, in which `*` matches slashes too
    public void inject(NodeSpec node, Mode mode, String pattern) {
        Path next = control(node).resolveSibling("disk-fault.next");
        try {
            Files.createDirectories(node.directory());
            Files.writeString(next, mode.text + " " + pattern + "\n");
            Files.move(next, control(node), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// The node's disk works again.
    public void heal(NodeSpec node) {
        try {
            Files.deleteIfExists(control(node));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path control(NodeSpec node) {
        return node.directory().resolve("disk-fault");
    }
}
