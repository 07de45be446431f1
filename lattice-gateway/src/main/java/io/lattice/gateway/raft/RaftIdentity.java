package io.lattice.gateway.raft;

import io.lattice.cp.agent.CpAgent;
import io.lattice.statemachine.storage.FileTrees;
import java.io.IOException;
import java.io.Reader;
import java.io.StringWriter;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Who this node is to Raft, kept in a file `IDENTITY` in the data directory and again in the log's directory.
///
/// A node votes under `<node id>~<random>` in all its groups, made when its directories are first used. So a node that lost its disk
/// can't come back under the identity that has already voted, with an empty log: it gets another one, and joins.
/// One directory without the other's marker, or with another's, means that a volume is missing or was swapped: the
/// node refuses to start and touches nothing.
///
/// A marker is written beside both places before it is moved into either, so that a crash between the two moves is
/// finished at the next start and isn't taken for a swapped volume.
///
/// Both directories are locked against a second process for as long as this object is open. Thread-safe once it is open.
final class RaftIdentity implements AutoCloseable {
    private static final String FILE = "IDENTITY";
    private static final String SCRATCH_FILE = FILE + ".tmp";
    private static final String LOCK_FILE = "LOCK";
    private static final char SEPARATOR = '~';
    private static final String CLUSTER = "cluster_id";
    private static final String FOUNDERS = "founders.";
    private static final String LOG_MADE = "log_made.";

    private final List<Path> directories;
    private final List<FileChannel> locks = new ArrayList<>();
    private final String clusterId;
    private String raftId = "";

    /// By group, as it is stored. Replaced under this object's lock.
    private volatile Map<UUID, Group> groups = Map.of();

    private boolean closed; // guarded by this

    /// What is known of this node's log in a group.
    private record Group(List<String> founders, boolean logMade) {
        static final Group UNKNOWN = new Group(List.of(), false);
    }

    private RaftIdentity(RaftSettings settings) {
        this.directories = List.of(settings.dataDirectory(), settings.walDirectory());
        this.clusterId = settings.clusterId().toString();
    }

    /// Reads the identity, or makes one if both directories are empty or absent.
    ///
    /// @throws DirectoryException if the directories don't belong together, to this node or to this cluster, hold
    ///     something else, or are in use
    static RaftIdentity open(RaftSettings settings) throws IOException {
        RaftIdentity identity = new RaftIdentity(settings);
        boolean opened = false;
        try {
            for (Path directory : identity.directories) {
                Files.createDirectories(directory);
                identity.lock(directory);
            }
            identity.load(settings.nodeId());
            opened = true;
            return identity;
        } finally {
            if (!opened) {
                identity.close();
            }
        }
    }

    private void lock(Path directory) throws IOException {
        FileChannel channel =
                FileChannel.open(
                        directory.resolve(LOCK_FILE),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE);
        locks.add(channel);
        FileLock lock;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            lock = null;
        }
        if (lock == null) {
            throw new DirectoryException(directory + " is in use by another process");
        }
    }

    private void load(String nodeId) throws IOException {
        finishStore();
        List<Properties> markers = new ArrayList<>();
        for (Path directory : directories) {
            Properties marker = read(directory);
            if (marker == null) {
                refuseForeignFiles(directory);
            }
            markers.add(marker == null ? new Properties() : marker);
        }
        Properties data = markers.get(0);
        Properties wal = markers.get(1);
        if (data.isEmpty() && wal.isEmpty()) {
            byte[] random = new byte[4];
            new SecureRandom().nextBytes(random);
            raftId = nodeId + SEPARATOR + HexFormat.of().formatHex(random);
            store(groups);
            return;
        }
        if (data.isEmpty() != wal.isEmpty()) {
            int missing = data.isEmpty() ? 0 : 1;
            throw new DirectoryException(
                    "%s is empty, but %s belongs to %s: a volume is missing, or one of the two was deleted; bring it back, or empty both to rejoin as a new member"
                            .formatted(
                                    directories.get(missing),
                                    directories.get(1 - missing),
                                    markers.get(1 - missing).getProperty("raft_id")));
        }
        if (!data.equals(wal)) {
            throw new DirectoryException(
                    "%s belongs to %s, but %s to %s: they must be of the same node"
                            .formatted(directories.get(0), data, directories.get(1), wal));
        }
        raftId = data.getProperty("raft_id", "");
        if (!nodeOf(raftId).equals(nodeId)) {
            throw new DirectoryException(
                    "%s belongs to node %s, but this is node %s"
                            .formatted(directories.get(0), nodeOf(raftId), nodeId));
        }
        if (!clusterId.equals(data.getProperty(CLUSTER))) {
            throw new DirectoryException(
                    "%s belongs to another cluster, with the id %s, but this cluster's is %s"
                            .formatted(directories.get(0), data.getProperty(CLUSTER), clusterId));
        }
        Map<UUID, Group> read = new TreeMap<>();
        for (String name : data.stringPropertyNames()) {
            if (name.startsWith(FOUNDERS)) {
                UUID group = UUID.fromString(name.substring(FOUNDERS.length()));
                String founding = data.getProperty(name);
                read.put(
                        group,
                        new Group(
                                founding.isEmpty() ? List.of() : List.of(founding.split(",")),
                                Boolean.parseBoolean(data.getProperty(LOG_MADE + group))));
            }
        }
        groups = Map.copyOf(read);
    }

    /// Makes the second move of a [#store] that died after the first: what stands in one directory waits in the
    /// other. A marker that waits in both was never in force.
    private void finishStore() throws IOException {
        for (int i = 0; i < directories.size(); i++) {
            Path waiting = directories.get(i).resolve(SCRATCH_FILE);
            Path other = directories.get(1 - i).resolve(FILE);
            if (Files.exists(waiting)
                    && Files.exists(other)
                    && Files.mismatch(waiting, other) == -1) {
                moveIntoPlace(directories.get(i));
            }
        }
    }

    private static @Nullable Properties read(Path directory) throws IOException {
        Path file = directory.resolve(FILE);
        if (!Files.exists(file)) {
            return null;
        }
        Properties properties = new Properties();
        try (Reader in = Files.newBufferedReader(file)) {
            properties.load(in);
        }
        return properties;
    }

    private static void refuseForeignFiles(Path directory) throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            entries.map(entry -> entry.getFileName().toString())
                    .filter(name ->
                            !name.equals(LOCK_FILE)
                                    && !name.equals("lost+found")
                                    // The control plane's manifest is there before the node has its
                                    // place.
                                    && !name.startsWith(CpAgent.COPY_NAME)
                                    && !name.startsWith(FILE))
                    .findFirst()
                    .ifPresent(name -> {
                        throw new DirectoryException(
                                "%s has no %s file but holds %s: it isn't a directory of Lattice; allowed: an empty one"
                                        .formatted(directory, FILE, name));
                    });
        }
    }

    private void store(Map<UUID, Group> stored) throws IOException {
        Properties properties = new Properties();
        properties.setProperty("raft_id", raftId);
        properties.setProperty(CLUSTER, clusterId);
        new TreeMap<>(stored)
                .forEach((id, group) -> {
                    properties.setProperty(FOUNDERS + id, String.join(",", group.founders()));
                    properties.setProperty(LOG_MADE + id, Boolean.toString(group.logMade()));
                });
        StringWriter text = new StringWriter();
        properties.store(text, "Lattice: which node these files belong to. Do not edit.");
        for (Path directory : directories) {
            Path scratch = directory.resolve(SCRATCH_FILE);
            Files.writeString(scratch, text.toString());
            FileTrees.sync(scratch);
            FileTrees.sync(directory);
        }
        for (Path directory : directories) {
            moveIntoPlace(directory);
        }
    }

    private static void moveIntoPlace(Path directory) throws IOException {
        Files.move(
                directory.resolve(SCRATCH_FILE),
                directory.resolve(FILE),
                StandardCopyOption.ATOMIC_MOVE,
                StandardCopyOption.REPLACE_EXISTING);
        FileTrees.sync(directory);
    }

    /// The node id in a Raft identity.
    static String nodeOf(String raftId) {
        int separator = raftId.lastIndexOf(SEPARATOR);
        return separator < 0 ? raftId : raftId.substring(0, separator);
    }

    String raftId() {
        return raftId;
    }

    private Group group(UUID id) {
        return groups.getOrDefault(id, Group.UNKNOWN);
    }

    /// The identities that a group's log began with; empty if this node joined later.
    List<String> founders(UUID group) {
        return group(group).founders();
    }

    /// Notes the founders of a group, before its log is made.
    void found(UUID group, List<String> raftIds) throws IOException {
        note(group, new Group(List.copyOf(raftIds), logMade(group)));
    }

    /// Whether this identity has had a log in the group, and so perhaps voted: if that log is gone, it must not begin another.
    boolean logMade(UUID group) {
        return group(group).logMade();
    }

    /// Notes that there's a log now, unless that is known already.
    void noteLogMade(UUID group) throws IOException {
        if (!logMade(group)) {
            note(group, new Group(founders(group), true));
        }
    }

    /// Forgets who founded a group that this node has left: if it comes back, it joins.
    void forgetFounders(UUID group) throws IOException {
        note(group, new Group(List.of(), true));
    }

    private synchronized void note(UUID id, Group group) throws IOException {
        if (closed) {
            throw new IOException("the directories are closed: the node stops");
        }
        Map<UUID, Group> changed = new TreeMap<>(groups);
        changed.put(id, group);
        store(changed);
        groups = Map.copyOf(changed);
    }

    @Override
    public synchronized void close() throws IOException {
        closed = true;
        for (FileChannel lock : locks) {
            lock.close();
        }
        locks.clear();
    }

    /// The directories can't be used as they are; the message says which, and what to do.
    static final class DirectoryException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        DirectoryException(String message) {
            super(message);
        }
    }
}
