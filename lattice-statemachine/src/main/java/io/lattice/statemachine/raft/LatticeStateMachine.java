package io.lattice.statemachine.raft;

import io.lattice.proto.command.CommandBatch;
import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.apply.StateStore;
import io.lattice.statemachine.apply.StoreUnavailableException;
import io.lattice.statemachine.storage.FileTrees;
import io.lattice.statemachine.storage.StoreOptions;
import io.lattice.statemachine.watch.WatchHub;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftGroupMemberId;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.protocol.exceptions.StateMachineException;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.StateMachineStorage;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.statemachine.impl.BaseStateMachine;
import org.apache.ratis.util.LifeCycle;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The replicated state of one Raft group: applies committed batches to a [StateStore] in log order and keeps
/// checkpoints of it for followers that were away too long.
///
/// Applying is synchronous and happens on Ratis' updater thread. Whatever fails there ends the process through
/// [ApplyListener#failed]: Ratis would log a failed apply and go on, and the replicas would differ from then on.
/// The database has no log of its own; after a crash it stands at its last flush and Ratis replays the rest.
public final class LatticeStateMachine extends BaseStateMachine {
    private static final Logger LOG = LoggerFactory.getLogger(LatticeStateMachine.class);

    /// Ratis keeps replies for a while: they carry nothing, the outcomes go through the listener.
    private static final CompletableFuture<Message> APPLIED =
            CompletableFuture.completedFuture(Message.EMPTY);

    private final CheckpointStorage storage;
    private final StoreOptions storeOptions;
    private final long snapshotThresholdEntries;
    private final LogExtent log;
    private final ApplyListener listener;
    private final WatchHub watches = new WatchHub();
    private final ExecutorService checkpointer = OnDemandThread.named("lattice-checkpointer");
    private final AtomicBoolean checkpointing = new AtomicBoolean();
    private volatile @Nullable StateStore store;
    private volatile boolean closing;
    private volatile boolean installing;

    /// The updater, from when it has opened a snapshot until it applies again. Null otherwise.
    private volatile @Nullable Thread settling;

    /// Held while a checkpoint is made and while the database is replaced.
    private final ReentrantLock checkpoints = new ReentrantLock();

    /// @param dataDirectory where the database and the checkpoints are
    /// @param snapshotThresholdEntries log entries between two checkpoints
    /// @param log what the log held when the process started
    public LatticeStateMachine(
            Path dataDirectory,
            StoreOptions storeOptions,
            long snapshotThresholdEntries,
            LogExtent log,
            ApplyListener listener) {
        this.storage = new CheckpointStorage(dataDirectory);
        this.storeOptions = storeOptions;
        this.snapshotThresholdEntries = snapshotThresholdEntries;
        this.log = log;
        this.listener = listener;
    }

    /// The state to read from. Another object after a snapshot was installed: ask for each read.
    ///
    /// @throws StoreUnavailableException before [#initialize] and while a snapshot is being installed
    public StateStore store() {
        StateStore current = store;
        if (current == null) {
            throw new StoreUnavailableException("a snapshot is being installed");
        }
        return current;
    }

    /// Where the changes of the state can be watched. It stays the same when the store is replaced.
    public WatchHub watches() {
        return watches;
    }

    @Override
    public void initialize(RaftServer server, RaftGroupId groupId, RaftStorage raftStorage)
            throws IOException {
        super.initialize(server, groupId, raftStorage);
        storage.discardUnfinished();
        getLifeCycle().startAndTransition(this::openStore, IOException.class);
        requireNoGap();
        dropOutrunLog(raftStorage.getStorageDir().getCurrentDir().toPath());
    }

    /// The log has to reach back to where the state stands; otherwise entries in between were lost.
    private void requireNoGap() throws IOException {
        long applied = store().applied().index();
        if (!log.isEmpty() && applied + 1 < log.first()) {
            throw new IOException(
                    "the Raft log begins at entry %d, but the state in %s ends at entry %d: entries between are missing; empty this node's data and log directories, and it rejoins with the other nodes' copy"
                            .formatted(log.first(), storage.database(), applied));
        }
    }

    /// A log that ends before the state does can't be continued: Ratis would leave a gap in it. That happens when the
    /// process died after a snapshot came into place and before Ratis had dropped what it covers, or when the state
    /// was flushed with entries that the log had not synced. Those entries are committed and in the state, so the log
    /// has nothing to give. Runs before Ratis opens the log.
    private void dropOutrunLog(Path current) throws IOException {
        long applied = store().applied().index();
        if (log.isEmpty() || log.last() >= applied) {
            return;
        }
        LOG.warn("the log ends at {}, before the state at {}: dropping it", log.last(), applied);
        try (Stream<Path> files = Files.list(current)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                if (file.getFileName().toString().startsWith("log_")) {
                    Files.delete(file);
                }
            }
        }
        FileTrees.sync(current);
    }

    /// Ratis has received a leader's snapshot whole, and will purge the log that it covers at once, perhaps before
    /// [#reinitialize] runs: what was received must be durable now. The updater may still apply entries meanwhile,
    /// so the store stays open.
    @Override
    public void pause() {
        getLifeCycle().transition(LifeCycle.State.PAUSING);
        installing = true;
        try {
            storage.syncReceived();
        } catch (IOException | RuntimeException e) {
            listener.failed("a received snapshot can't be made durable", e);
        }
        getLifeCycle().transition(LifeCycle.State.PAUSED);
    }

    /// Runs on the updater thread after Ratis has put a leader's snapshot in place of our snapshots folder.
    @Override
    public void reinitialize() throws IOException {
        LOG.info("installing a snapshot that the leader sent");
        // A checkpoint that is being made reads the database that is about to be closed.
        checkpoints.lock();
        try {
            StateStore old = store;
            store = null;
            if (old != null) {
                old.close();
            }
            getLifeCycle().startAndTransition(this::openStore, IOException.class);
        } catch (IOException | RuntimeException e) {
            listener.failed("a snapshot that the leader sent can't be opened", e);
            throw e;
        } finally {
            checkpoints.unlock();
        }
        LogPosition position = store().applied();
        LOG.info("installed the snapshot at {}", position);
        listener.snapshotInstalled(position);
        settling = Thread.currentThread();
        installing = false;
    }

    /// Whether a snapshot that came whole isn't in force yet. The next one must not come whole by then: Ratis forgets it if the
    /// updater is just leaving the former one (`StateMachineUpdater.reload`, Ratis 3.3.0), and applies nothing any more.
    public boolean isInstalling() {
        if (installing) {
            return true;
        }
        Thread updater = settling;
        // It has left when it waits for entries, or applies one.
        if (updater == null || updater.getState() == Thread.State.TIMED_WAITING) {
            settling = null;
            return false;
        }
        return true;
    }

    private void openStore() throws IOException {
        storage.recover();
        Optional<CheckpointStorage.Checkpoint> newest = storage.newest();
        StateStore opened = StateStore.open(storage.database(), storeOptions, watches);
        if (newest.isPresent() && newest.get().position().index() > opened.applied().index()) {
            // A received snapshot that the last process had not yet put in place, or the one that
            // we were just told
            // to take.
            opened.close();
            storage.replaceDatabase(newest.get());
            opened = StateStore.open(storage.database(), storeOptions, watches);
        }
        LogPosition applied = opened.applied();
        if (applied.index() >= 0
                && (newest.isEmpty() || newest.get().position().index() < applied.index())) {
            // Ratis replays from the latest snapshot on, so that has to be where the database
            // stands.
            checkpoint(opened);
        }
        setLastAppliedTermIndex(
                applied.index() < 0
                        ? TermIndex.INITIAL_VALUE
                        : TermIndex.valueOf(applied.term(), applied.index()));
        store = opened;
    }

    @Override
    public StateMachineStorage getStateMachineStorage() {
        return storage;
    }

    @Override
    public TransactionContext startTransaction(RaftClientRequest request) {
        Message message = request.getMessage();
        return TransactionContext.newBuilder()
                .setStateMachine(this)
                .setClientRequest(request)
                .setLogData(message.getContent())
                .setStateMachineContext(message)
                .build();
    }

    @Override
    public TransactionContext preAppendTransaction(TransactionContext transaction)
            throws IOException {
        if (transaction.getStateMachineContext() instanceof BatchMessage message) {
            // Under Ratis' locks, and so the term in which the entry will stand.
            long term = getServer().join().getDivision(getGroupId()).getInfo().getCurrentTerm();
            if (!message.beginAppend(term)) {
                // Ratis keeps the permit of what is refused here for as long as this node leads.
                boolean leaderShouldStepDown = false;
                throw new StateMachineException(
                        "the batch may not become an entry of term " + term, leaderShouldStepDown);
            }
        }
        return transaction;
    }

    @Override
    public CompletableFuture<Message> applyTransaction(TransactionContext transaction) {
        settling = null;
        try {
            LogEntryProto entry = transaction.getLogEntry();
            LogPosition position = new LogPosition(entry.getTerm(), entry.getIndex());
            CommandBatch batch =
                    transaction.getStateMachineContext() instanceof BatchMessage submitted
                            ? submitted.batch()
                            : CommandCodec.decode(entry.getStateMachineLogEntry().getLogData());
            listener.committed(position, batch);
            List<List<Outcome>> outcomes = store().apply(position, batch, listener::isOrigin);
            updateLastAppliedTermIndex(position.term(), position.index());
            listener.applied(position, batch, outcomes);
            checkpointIfDue(position);
            return APPLIED;
        } catch (IOException | RuntimeException | Error e) {
            listener.failed("a committed log entry can't be applied", e);
            return CompletableFuture.failedFuture(e);
        }
    }

    @Override
    public void notifyTermIndexUpdated(long term, long index) {
        settling = null;
        LogPosition position = new LogPosition(term, index);
        try {
            store().advance(position);
        } catch (RuntimeException e) {
            listener.failed("a committed log entry can't be passed over", e);
            throw e;
        }
        updateLastAppliedTermIndex(term, index);
        listener.advanced(position);
    }

    private void checkpointIfDue(LogPosition position) {
        var latest = storage.getLatestSnapshot();
        long last = latest == null ? -1 : latest.getIndex();
        if (position.index() - last < snapshotThresholdEntries
                || !checkpointing.compareAndSet(false, true)) {
            return;
        }
        StateStore current = store();
        checkpointer.execute(() -> checkpointInBackground(current));
    }

    private void checkpointInBackground(StateStore current) {
        checkpoints.lock();
        try {
            if (installing || current != store) {
                return;
            }
            LogPosition position = checkpoint(current);
            // Ratis purges only for snapshots that it took itself, which would hold up applying. It
            // keeps the
            // entries that the preservation setting says.
            var _ =
                    getServer()
                            .join()
                            .getDivision(getGroupId())
                            .getRaftLog()
                            .purge(position.index())
                            .whenComplete((purged, e) -> {
                                if (e != null) {
                                    LOG.warn("the log was not purged up to {}", position, e);
                                }
                            });
        } catch (IOException | RuntimeException e) {
            if (!closing && !installing && current == store) {
                listener.failed("a checkpoint of the database can't be made", e);
            }
        } finally {
            checkpointing.set(false);
            checkpoints.unlock();
        }
    }

    private LogPosition checkpoint(StateStore current) throws IOException {
        Path scratch = storage.scratch("checkpoint");
        LogPosition position = current.checkpoint(scratch);
        storage.publish(scratch, position);
        LOG.info("made a checkpoint at {}", position);
        return position;
    }

    /// Ratis' own way to a snapshot, which nobody uses here: it would hold up applying. Reports the last one.
    @Override
    public long takeSnapshot() {
        var latest = storage.getLatestSnapshot();
        return latest == null ? -1 : latest.getIndex();
    }

    @Override
    public void notifyLeaderChanged(RaftGroupMemberId self, @Nullable RaftPeerId newLeader) {
        listener.leaderChanged(newLeader == null ? null : newLeader.toString());
    }

    @Override
    public void notifyLogFailed(Throwable cause, @Nullable LogEntryProto failedEntry) {
        listener.failed("the Raft log can't be written", cause);
    }

    /// Called before an orderly stop, or while Ratis may close the division without harm, so that what follows isn't taken for a
    /// failure.
    public void expectClose() {
        closing = true;
    }

    /// From now on Ratis has no reason to close the division.
    public void expectNoClose() {
        closing = false;
    }

    @Override
    public void close() throws IOException {
        if (!closing) {
            listener.failed(
                    "Ratis closed the state machine",
                    new IllegalStateException("unexpected close of the division"));
        }
        checkpointer.shutdown();
        try {
            if (!checkpointer.awaitTermination(1, TimeUnit.MINUTES)) {
                LOG.warn("a checkpoint is still being made while the node stops");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        StateStore current = store;
        store = null;
        if (current != null) {
            current.close();
        }
    }
}
