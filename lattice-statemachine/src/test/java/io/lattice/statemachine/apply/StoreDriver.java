package io.lattice.statemachine.apply;

import io.lattice.proto.command.Command;
import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.statemachine.lease.DrainLimits;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.query.QueryExecutor;
import io.lattice.statemachine.storage.StoreOptions;
import io.lattice.statemachine.watch.WatchHub;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Stream;

/// A store and the log that feeds it, as the Raft edge would: it can crash, lose what was not flushed, and replay.
public final class StoreDriver implements AutoCloseable {
    /// The keyspace of the tests that need only one.
    public static final int KEYSPACE = 1;

    private static final StoreOptions OPTIONS =
            new StoreOptions(8 << 20, 8 << 20, 1 << 20, 16, 2, 64);

    private static final int COPY_ATTEMPTS = 20;

    private final Path root;
    private final List<CommandBatch> log;
    private final DrainLimits drainLimits;
    private Path directory;
    private StateStore store;
    private int copies;

    private StoreDriver(Path root, List<CommandBatch> log, DrainLimits drainLimits) {
        this.root = root;
        this.directory = root.resolve("store");
        this.log = log;
        this.drainLimits = drainLimits;
        this.store = open();
        replay();
    }

    /// An empty store under `root`.
    public static StoreDriver create(Path root) {
        return create(root, DrainLimits.DEFAULT);
    }

    /// The same, with other limits.
    public static StoreDriver create(Path root, DrainLimits drainLimits) {
        return new StoreDriver(root, new ArrayList<>(), drainLimits);
    }

    /// A second store, fed with the same log.
    public StoreDriver replica(Path otherRoot) {
        return replica(otherRoot, drainLimits);
    }

    /// The same, with other limits: readers must find no difference.
    public StoreDriver replica(Path otherRoot, DrainLimits limits) {
        return new StoreDriver(otherRoot, new ArrayList<>(log), limits);
    }

    private StateStore open() {
        return StateStore.open(directory, OPTIONS, new WatchHub(), drainLimits);
    }

    /// The store under test.
    public StateStore store() {
        return store;
    }

    /// The log so far; the entry at place i has index i.
    public List<CommandBatch> log() {
        return log;
    }

    /// Applies commands as one log entry and returns their outcomes.
    public List<Outcome> apply(List<Command> commands) {
        CommandBatch batch =
                CommandBatch.newBuilder()
                        .addProposals(Proposal.newBuilder().setOrigin(7).addAllCommands(commands))
                        .build();
        log.add(batch);
        return store.apply(position(log.size() - 1), batch, origin -> true).getFirst();
    }

    /// Applies one command as one log entry.
    public Outcome apply(Command command) {
        return apply(List.of(command)).getFirst();
    }

    /// Reads from the newest view.
    public <T> T read(Function<QueryExecutor, T> reading) {
        try (ReadView view = store.view()) {
            return reading.apply(new QueryExecutor(view));
        }
    }

    /// Whether keys of revoked leases are left to be deleted.
    public boolean isDraining() {
        try (ReadView view = store.view()) {
            return view.isDraining();
        }
    }

    /// Restarts, crashes, goes on with a checkpoint or flushes, now and then.
    ///
    /// @param rarity one of so many calls restarts
    public void disturb(Random random, int rarity) throws IOException {
        switch (random.nextInt(rarity)) {
            case 0 -> restart();
            case 1 -> crash();
            case 2 -> switchToCheckpoint();
            case 3, 4 -> store.flush();
            default -> {}
        }
    }

    /// Closes cleanly and opens again.
    public void restart() {
        store.close();
        store = open();
        replay();
    }

    /// Goes on with a copy of the files as they are now, without what is only in memory, and replays the log.
    public void crash() throws IOException {
        for (int attempt = 0; attempt < COPY_ATTEMPTS; attempt++) {
            Path copy = nextDirectory();
            Files.createDirectories(copy);
            String before = listing();
            if (copyTo(copy) && listing().equals(before)) {
                switchTo(copy);
                return;
            }
        }
        throw new IOException("the files of " + directory + " never stood still");
    }

    private String listing() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.sorted().map(f -> f + ":" + f.toFile().length()).toList().toString();
        }
    }

    /// Returns false if a file was removed meanwhile.
    private boolean copyTo(Path copy) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.filter(f -> !f.endsWith("LOCK")).toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
            return true;
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    /// Goes on with a checkpoint and returns the position it held.
    public LogPosition switchToCheckpoint() {
        Path copy = nextDirectory();
        LogPosition held = store.checkpoint(copy);
        switchTo(copy);
        return held;
    }

    private void switchTo(Path copy) {
        store.close();
        directory = copy;
        store = open();
        replay();
    }

    private Path nextDirectory() {
        copies++;
        return root.resolve("copy-" + copies);
    }

    private void replay() {
        for (int i = (int) store.applied().index() + 1; i < log.size(); i++) {
            store.apply(position(i), log.get(i), origin -> false);
        }
    }

    private static LogPosition position(int index) {
        return new LogPosition(termOf(index), index);
    }

    /// The term of the entry at a place in the log.
    public static long termOf(int index) {
        return 1 + index / 100;
    }

    @Override
    public void close() {
        store.close();
    }
}
