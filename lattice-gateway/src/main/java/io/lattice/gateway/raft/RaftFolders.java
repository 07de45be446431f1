package io.lattice.gateway.raft;

import io.lattice.statemachine.storage.FileTrees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import java.util.stream.Stream;

/// Where Ratis keeps a group's log. Used before Ratis opens it.
final class RaftFolders {
    private static final String PROMISES = "raft-meta";

    private final Path group;

    RaftFolders(Path walDirectory, UUID groupId) {
        this.group = walDirectory.resolve(groupId.toString());
    }

    /// Segments, term and vote.
    Path log() {
        return group.resolve("current");
    }

    /// Whether there is a log, empty or not: this node may have voted.
    boolean hasLog() {
        return Files.exists(log().resolve(PROMISES));
    }

    /// Moves the log to the folder `log` in a directory, which is made if need be, and leaves an empty one with the same term and vote. A crash meanwhile leaves one or the
    /// other, once [#discardHalfMade] has run.
    void moveLog(Path directory) throws IOException {
        Path promises = emptied().resolve(PROMISES);
        FileTrees.delete(emptied());
        Files.createDirectory(emptied());
        Files.copy(log().resolve(PROMISES), promises);
        FileTrees.sync(promises);
        FileTrees.sync(emptied());
        FileTrees.sync(group);
        Files.createDirectories(directory);
        Files.move(log(), directory.resolve("log"));
        FileTrees.sync(directory);
        Files.move(emptied(), log());
        FileTrees.sync(group);
    }

    private Path emptied() {
        return group.resolve("emptied");
    }

    /// Finishes or undoes what a process that died has begun. One that died while Ratis made the group's folder leaves one without a term, which Ratis would take
    /// for a group. It has never voted.
    void discardHalfMade() throws IOException {
        if (Files.exists(emptied())) {
            if (Files.exists(log())) {
                FileTrees.delete(emptied());
            } else {
                Files.move(emptied(), log());
                FileTrees.sync(group);
            }
        }
        if (!Files.isDirectory(group) || hasLog()) {
            return;
        }
        boolean anySegment = false;
        if (Files.isDirectory(log())) {
            try (Stream<Path> files = Files.list(log())) {
                anySegment = files.anyMatch(f -> f.getFileName().toString().startsWith("log_"));
            }
        }
        if (!anySegment) {
            FileTrees.delete(group);
        }
    }
}
