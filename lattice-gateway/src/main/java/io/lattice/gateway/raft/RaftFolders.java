package io.lattice.gateway.raft;

import io.lattice.statemachine.raft.FileTrees;
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

    /// Moves all but the term and the vote into a folder that doesn't exist yet.
    void moveLog(Path target) throws IOException {
        Files.createDirectories(target);
        try (Stream<Path> files = Files.list(log())) {
            for (Path file : (Iterable<Path>) files::iterator) {
                if (!file.getFileName().toString().equals(PROMISES)) {
                    Files.move(file, target.resolve(file.getFileName()));
                }
            }
        }
        FileTrees.sync(target);
        FileTrees.sync(log());
    }

    /// A process that died while Ratis made the group's folder leaves one without a term, which Ratis would take
    /// for a group. It has never voted.
    void discardHalfMade() throws IOException {
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
