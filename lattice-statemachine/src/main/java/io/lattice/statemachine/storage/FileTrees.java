package io.lattice.statemachine.storage;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/// Deleting and syncing folders; the JDK does neither in one call.
public final class FileTrees {
    private FileTrees() {}

    /// Deletes `root` and what is below it; nothing to do if it doesn't exist.
    public static void delete(Path root) throws IOException {
        if (!Files.exists(root)) {
            return;
        }
        List<Path> deepestFirst;
        try (Stream<Path> tree = Files.walk(root)) {
            deepestFirst = tree.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : deepestFirst) {
            Files.deleteIfExists(path);
        }
    }

    /// Makes one file's content, or one folder's entries, survive a power loss.
    public static void sync(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /// Makes everything below `root`, and the folders themselves, survive a power loss.
    public static void syncAll(Path root) throws IOException {
        List<Path> tree;
        try (Stream<Path> paths = Files.walk(root)) {
            tree = paths.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : tree) {
            sync(path);
        }
    }
}
