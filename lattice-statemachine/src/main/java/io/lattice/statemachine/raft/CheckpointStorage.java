package io.lattice.statemachine.raft;

import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.storage.FileTrees;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.storage.FileInfo;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.SnapshotInfo;
import org.apache.ratis.statemachine.SnapshotRetentionPolicy;
import org.apache.ratis.statemachine.StateMachineStorage;
import org.apache.ratis.statemachine.impl.FileListSnapshotInfo;
import org.jspecify.annotations.Nullable;

/// Where the state machine's files are, below the data directory:
///
///     db/                           the live RocksDB
///     db.new/                       a database being made out of a checkpoint; renamed to db when it is whole
///     db.old/                       the database that db.new replaced, until it is deleted
///     snapshots/checkpoint-T-I/     complete checkpoints, term and index of the last entry in them
///     tmp/                          a checkpoint being made or received
///
/// Ratis replaces the whole `snapshots` folder by a rename when it installs a leader's snapshot, so nothing that
/// lives is in it. The latest checkpoint is held in memory, since Ratis asks for it at every append.
final class CheckpointStorage implements StateMachineStorage {
    private static final Pattern NAME = Pattern.compile("checkpoint-(\\d+)-(\\d+)");

    /// Ratis writes such a file beside each file that it received.
    private static final String DIGEST_SUFFIX = ".md5";

    /// Older checkpoints stay for a while, since Ratis may still be sending them to a follower and doesn't say when
    /// it is done. They share their table files, so they cost what compactions have rewritten since.
    private static final Duration RETAINED_AGE = Duration.ofMinutes(30);

    private static final int RETAINED_MIN = 3;
    private static final int RETAINED_MAX = 16;

    /// Ratis receives each snapshot into such a folder below tmp/.
    private static final String RECEIVED_PREFIX = "snapshot-";

    private final Path root;
    private volatile @Nullable SnapshotInfo latest;

    /// What had been received when the last snapshot was whole: that one, and what broke off before it.
    private volatile List<Path> received = List.of();

    CheckpointStorage(Path root) {
        this.root = root;
    }

    Path database() {
        return root.resolve("db");
    }

    private Path databaseNew() {
        return root.resolve("db.new");
    }

    private Path databaseOld() {
        return root.resolve("db.old");
    }

    private Path snapshots() {
        return root.resolve("snapshots");
    }

    private Path tmp() {
        return root.resolve("tmp");
    }

    @Override
    public void init(RaftStorage raftStorage) {
        // Nothing: recover() has run by then.
    }

    @Override
    public void format() {
        // Nothing: a new node's directories are made by recover().
    }

    @Override
    public @Nullable SnapshotInfo getLatestSnapshot() {
        return latest;
    }

    @Override
    public File getSnapshotDir() {
        return snapshots().toFile();
    }

    @Override
    public File getTmpDir() {
        return tmp().toFile();
    }

    @Override
    public void cleanupOldSnapshots(SnapshotRetentionPolicy policy) {
        // Nothing: publish() deletes what it supersedes.
    }

    /// Forgets checkpoints that the last process left half made or half received. Not while Ratis may be receiving one.
    void discardUnfinished() throws IOException {
        FileTrees.delete(tmp());
    }

    /// Brings the folders into a state from which the database can be opened, whatever instant the last process
    /// died at: finishes or undoes a half-done replacement of the database.
    void recover() throws IOException {
        Files.createDirectories(root);
        Files.createDirectories(snapshots());
        Files.createDirectories(tmp());
        for (Path brokenOff : received) {
            FileTrees.delete(brokenOff);
        }
        received = List.of();
        deleteReplacedSnapshots();
        FileTrees.delete(databaseNew());
        if (Files.exists(databaseOld()) && !Files.exists(database())) {
            // Died between the two renames of replaceDatabase: the checkpoint is still there and is
            // taken up again.
            Files.move(databaseOld(), database());
        }
        FileTrees.delete(databaseOld());
        FileTrees.sync(root);
        newest().ifPresent(checkpoint -> latest = describe(checkpoint));
    }

    /// Ratis moves the snapshots folder aside under such a name while it installs another.
    private void deleteReplacedSnapshots() throws IOException {
        try (Stream<Path> entries = Files.list(root)) {
            for (Path entry : (Iterable<Path>) entries::iterator) {
                if (entry.getFileName().toString().startsWith(snapshots().getFileName() + ".")) {
                    FileTrees.delete(entry);
                }
            }
        }
    }

    /// Makes the snapshot that Ratis has received into tmp survive a power loss. Ratis moves it out of there next; whatever else
    /// was received there broke off, and the next [#recover] deletes it. A snapshot that begins to arrive later is none of that.
    /// A checkpoint that is being made beside it isn't looked at: its files come and go.
    void syncReceived() throws IOException {
        try (Stream<Path> entries = Files.list(tmp())) {
            received = entries.filter(CheckpointStorage::isReceived).toList();
        }
        for (Path snapshot : received) {
            FileTrees.syncAll(snapshot);
        }
        FileTrees.sync(tmp());
    }

    private static boolean isReceived(Path entry) {
        return entry.getFileName().toString().startsWith(RECEIVED_PREFIX);
    }

    /// The newest complete checkpoint on disk.
    Optional<Checkpoint> newest() throws IOException {
        return list().stream().max(Comparator.comparingLong(c -> c.position().index()));
    }

    private List<Checkpoint> list() throws IOException {
        List<Checkpoint> found = new ArrayList<>();
        try (Stream<Path> entries = Files.list(snapshots())) {
            for (Path entry : (Iterable<Path>) entries::iterator) {
                Matcher name = NAME.matcher(entry.getFileName().toString());
                if (name.matches()) {
                    found.add(
                            new Checkpoint(
                                    entry,
                                    new LogPosition(
                                            Long.parseLong(name.group(1)),
                                            Long.parseLong(name.group(2)))));
                }
            }
        }
        return found;
    }

    /// A folder that doesn't exist yet, for a checkpoint to be made in.
    Path scratch(String purpose) throws IOException {
        Path scratch = tmp().resolve(purpose);
        FileTrees.delete(scratch);
        return scratch;
    }

    /// Makes the checkpoint in `made` durable, and the one that Ratis sends to followers from now on.
    void publish(Path made, LogPosition position) throws IOException {
        Path target = snapshots().resolve("checkpoint-" + position.term() + "-" + position.index());
        if (Files.exists(target)) {
            FileTrees.delete(made);
        } else {
            FileTrees.syncAll(made);
            Files.move(made, target);
            FileTrees.sync(snapshots());
        }
        SnapshotInfo newest = latest;
        if (newest == null || newest.getIndex() < position.index()) {
            latest = describe(new Checkpoint(target, position));
        }
        List<Checkpoint> all = list();
        all.sort(Comparator.comparingLong(c -> -c.position().index()));
        for (Checkpoint old : all.subList(Math.min(RETAINED_MIN, all.size()), all.size())) {
            Instant since = Files.getLastModifiedTime(old.path()).toInstant();
            boolean young = since.plus(RETAINED_AGE).isAfter(Instant.now());
            if (!young || all.indexOf(old) >= RETAINED_MAX) {
                FileTrees.delete(old.path());
            }
        }
    }

    /// Replaces the database, which must be closed, by the content of `checkpoint`.
    void replaceDatabase(Checkpoint checkpoint) throws IOException {
        FileTrees.syncAll(checkpoint.path());
        FileTrees.sync(snapshots());
        FileTrees.sync(root);
        FileTrees.delete(databaseNew());
        Files.createDirectory(databaseNew());
        try (Stream<Path> files = Files.list(checkpoint.path())) {
            for (Path file : (Iterable<Path>) files::iterator) {
                String name = file.getFileName().toString();
                if (name.endsWith(DIGEST_SUFFIX)) {
                    continue;
                }
                Path target = databaseNew().resolve(name);
                if (name.endsWith(".sst") || name.endsWith(".blob")) {
                    // Never written again: one copy on disk serves both.
                    Files.createLink(target, file);
                } else {
                    Files.copy(file, target);
                }
            }
        }
        FileTrees.syncAll(databaseNew());
        FileTrees.delete(databaseOld());
        if (Files.exists(database())) {
            Files.move(database(), databaseOld());
        }
        Files.move(databaseNew(), database());
        FileTrees.sync(root);
        FileTrees.delete(databaseOld());
        latest = describe(checkpoint);
    }

    private static SnapshotInfo describe(Checkpoint checkpoint) {
        List<FileInfo> files = new ArrayList<>();
        try (Stream<Path> entries = Files.list(checkpoint.path())) {
            for (Path file : (Iterable<Path>) entries::iterator) {
                if (!file.getFileName().toString().endsWith(DIGEST_SUFFIX)) {
                    // Without a digest Ratis computes it while it sends.
                    files.add(new FileInfo(file, null));
                }
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return new FileListSnapshotInfo(
                files,
                TermIndex.valueOf(checkpoint.position().term(), checkpoint.position().index()));
    }

    /// A complete checkpoint and the position of the last entry in it.
    record Checkpoint(Path path, LogPosition position) {}
}
