package io.lattice.statemachine.apply;

import io.lattice.proto.command.Command;
import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.statemachine.lease.DrainLimits;
import io.lattice.statemachine.lease.Lessor;
import io.lattice.statemachine.mvcc.Compactor;
import io.lattice.statemachine.mvcc.EntryBatch;
import io.lattice.statemachine.mvcc.HeaderCache;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.mvcc.RecordCache;
import io.lattice.statemachine.mvcc.StoreState;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.RocksStore;
import io.lattice.statemachine.storage.StorageException;
import io.lattice.statemachine.storage.StoreOptions;
import io.lattice.statemachine.storage.WriteBuffer;
import io.lattice.statemachine.watch.WatchHub;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/// The replicated state of one Raft group, on disk: applies log entries in order and shows the newest result to readers.
///
/// One thread applies and advances; any thread may take views, checkpoints and flushes. The store has no log of its own: after
/// a crash it reopens at the position of its last flush, and the Raft log brings it forward again.
///
/// An exception out of [#apply] or [#advance] means that this replica can't go on; the store refuses everything after it.
public final class StateStore implements AutoCloseable {
    private final RocksStore store;
    private final StoreOptions options;
    private final WriteBuffer buffer;
    private final HeaderCache headers;
    private final RecordCache records;
    private final Lessor lessor;
    private final CommandApplier applier;
    private final Compactor compactor;
    private final WatchHub watches;
    private StoreState state;
    private boolean formatWritten;
    private @Nullable Throwable failure;
    private volatile LogPosition applied;
    private volatile ReadView published;
    private volatile boolean closed;

    private StateStore(
            RocksStore store, StoreOptions options, WatchHub watches, DrainLimits drainLimits) {
        this.store = store;
        this.watches = watches;
        this.options = options;
        this.buffer = store.newBuffer();
        this.headers = new HeaderCache(options.headerCacheEntries());
        this.records = new RecordCache(options.recordCacheBytes());
        this.state = StoreState.load(store);
        this.lessor = Lessor.load(store, drainLimits);
        this.applier = new CommandApplier(lessor);
        this.formatWritten = state.index() >= 0;
        this.applied = new LogPosition(state.term(), state.index());
        this.compactor = new Compactor(store, state);
        this.published = new ReadView(store.snapshot(), records, state);
        watches.restart(state);
    }

    /// Opens the store in `directory`, creating it if absent.
    ///
    /// @throws StorageException if another process holds the directory, or it holds something else, another format or damage
    public static StateStore open(Path directory, StoreOptions options) {
        return open(directory, options, new WatchHub());
    }

    /// The same, for a store whose changes are watched.
    ///
    /// @param watches told of every applied entry, after it shows in [#view()]. It may outlive this store and go on with
    ///     another one that is not behind
    public static StateStore open(Path directory, StoreOptions options, WatchHub watches) {
        return open(directory, options, watches, DrainLimits.DEFAULT);
    }

    /// The same, with other limits, which must be those of all replicas.
    public static StateStore open(
            Path directory, StoreOptions options, WatchHub watches, DrainLimits drainLimits) {
        RocksStore store = RocksStore.open(directory, options);
        try {
            return new StateStore(store, options, watches, drainLimits);
        } catch (StorageException e) {
            store.close();
            throw e;
        }
    }

    /// The position of the last entry applied or passed over. Right after opening: the durable one.
    public LogPosition applied() {
        return applied;
    }

    /// Applies one log entry in one atomic batch and publishes the result to readers.
    ///
    /// @param position the entry's place, behind every earlier one
    /// @param batch the entry
    /// @param wantsOutcomes tells by a proposal's origin whether its outcomes are of interest here; for the others no response
    ///     is built
    /// @return for each proposal its commands' outcomes in order, or an empty list if they are of no interest
    /// @throws StorageException if the store fails; the entry may then be applied or not, in any case whole
    public List<List<Outcome>> apply(
            LogPosition position, CommandBatch batch, LongPredicate wantsOutcomes) {
        requireInOrder(position);
        try {
            buffer.clear();
            records.begin(position.index());
            EntryBatch entry =
                    new EntryBatch(store, headers, records, buffer, state, lessor.links());
            if (watches.wantsChanges()) {
                entry.keepChanges();
            }
            List<List<Outcome>> outcomes = new ArrayList<>(batch.getProposalsCount());
            for (Proposal proposal : batch.getProposalsList()) {
                outcomes.add(
                        applyProposal(
                                entry,
                                proposal,
                                position.term(),
                                wantsOutcomes.test(proposal.getOrigin())));
            }
            StoreState after = entry.finish(position.term(), position.index());
            if (!formatWritten) {
                StoreState.writeFormat(buffer);
                formatWritten = true;
            }
            store.write(buffer);
            publish(after);
            watches.publish(after, entry.changes());
            entry.compactions().forEach(compactor::schedule);
            return outcomes;
        } catch (RuntimeException | Error e) {
            failure = e;
            throw e;
        } finally {
            lessor.entryEnded();
        }
    }

    private List<Outcome> applyProposal(
            EntryBatch entry, Proposal proposal, long term, boolean wanted) {
        List<Outcome> outcomes = wanted ? new ArrayList<>(proposal.getCommandsCount()) : List.of();
        for (Command command : proposal.getCommandsList()) {
            Outcome outcome = applier.apply(entry, command, term, wanted);
            if (wanted && outcome != null) {
                outcomes.add(outcome);
            }
        }
        return outcomes;
    }

    /// Passes over an entry that carries no command. The position becomes durable with the next batch; until then a restart
    /// passes over the entry again.
    public void advance(LogPosition position) {
        requireInOrder(position);
        publish(state.at(position.term(), position.index()));
    }

    private void requireInOrder(LogPosition position) {
        Throwable earlier = failure != null ? failure : compactor.failure();
        if (earlier != null) {
            throw new IllegalStateException("the store failed before", earlier);
        }
        if (position.index() <= state.index()) {
            throw new IllegalStateException(
                    "entry " + position.index() + " comes after " + state.index() + " was applied");
        }
    }

    private void publish(StoreState after) {
        ReadView fresh = new ReadView(store.snapshot(), records, after);
        ReadView old = published;
        state = after;
        published = fresh;
        applied = new LogPosition(after.term(), after.index());
        old.close();
    }

    /// The newest view. The caller closes it, soon.
    ///
    /// @throws StoreUnavailableException after [#close()]
    public ReadView view() {
        while (!closed) {
            ReadView view = published;
            if (view.tryAcquire()) {
                return view;
            }
        }
        throw new StoreUnavailableException("the store is closed");
    }

    /// How many leases there are, in all keyspaces. Any thread.
    public int leaseCount() {
        return lessor.count();
    }

    /// Completes once all that a compaction at `revision` freed is gone from the disk and that is durable: what a client's
    /// `physical` compaction waits for. Call it after the compaction was applied.
    public CompletableFuture<Void> compacted(int keyspace, long revision) {
        return compactor.finished(keyspace, revision);
    }

    /// Writes a consistent, durable copy of the store into `target`, which must not exist, and returns the position that the
    /// copy holds. Any thread, beside applying.
    public LogPosition checkpoint(Path target) {
        try (ReadView _ = view()) {
            // Closing waits for views.
            store.checkpoint(target);
        }
        try (RocksStore copy = RocksStore.openReadOnly(target, options)) {
            StoreState held = StoreState.load(copy);
            return new LogPosition(held.term(), held.index());
        }
    }

    /// Makes everything applied so far durable.
    public void flush() {
        store.flush();
    }

    /// Bytes that the store takes, on disk and in memtables.
    public long sizeBytes() {
        try (ReadView _ = view()) {
            return store.sizeBytes();
        }
    }

    /// An estimate of the bytes that the live data takes.
    public long liveBytes() {
        try (ReadView _ = view()) {
            return store.liveBytes();
        }
    }

    /// A rough number of the live keys of all keyspaces, without reading them.
    public long estimatedKeys() {
        try (ReadView _ = view()) {
            return store.estimatedKeys(Family.CURRENT);
        }
    }

    /// About how many bytes a keyspace takes, see [RocksStore#rangeBytes].
    ///
    /// @param memory whether what is not in tables yet counts, by a rougher estimate
    public long keyspaceBytes(int keyspace, boolean memory) {
        try (ReadView _ = view()) {
            return store.rangeBytes(
                    KeyCodec.keyspaceStart(keyspace), KeyCodec.keyspaceEnd(keyspace), memory);
        }
    }

    /// Has what was deleted from a keyspace leave the disk. May take long; closing cuts it short.
    public void reclaim(int keyspace) {
        store.reclaim(KeyCodec.keyspaceStart(keyspace), KeyCodec.keyspaceEnd(keyspace));
    }

    /// Flushes and closes. Waits for readers that hold a view; see [RocksStore#close()]. The apply thread must have stopped.
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        compactor.close();
        store.flush();
        published.close();
        store.close();
    }
}
