package io.lattice.statemachine.mvcc;

import io.lattice.proto.command.PublishMember;
import io.lattice.proto.etcdserverpb.AlarmMember;
import io.lattice.proto.store.Drain;
import io.lattice.statemachine.storage.Cursor;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.StoreReader;
import io.lattice.statemachine.storage.StoreSnapshot;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// The whole store as of one applied log entry: counters and a snapshot of the data that belong together. Made once per entry
/// and shared by all its readers. Whoever got it from the store closes it exactly once, soon: it keeps old data from being
/// dropped. Any thread.
public final class ReadView implements AutoCloseable {
    private final StoreSnapshot snapshot;
    private final RecordCache records;
    private final StoreState state;

    /// Binds a state to the snapshot taken right after it was written; takes over the snapshot's first reference.
    public ReadView(StoreSnapshot snapshot, RecordCache records, StoreState state) {
        this.snapshot = snapshot;
        this.records = records;
        this.state = state;
    }

    /// Takes a reference for one more reader, unless the view is already gone.
    public boolean tryAcquire() {
        return snapshot.tryAcquire();
    }

    /// Gives the reference back.
    @Override
    public void close() {
        snapshot.release();
    }

    /// Index of the last log entry whose effect is seen here, -1 if none.
    public long appliedIndex() {
        return state.index();
    }

    /// Term of that entry.
    public long appliedTerm() {
        return state.term();
    }

    /// The newest revision of a keyspace.
    public long revision(int keyspace) {
        return state.keyspaces().get(keyspace).revision();
    }

    /// The compact revision of a keyspace, -1 if it was never compacted.
    public long compactRevision(int keyspace) {
        return state.keyspaces().get(keyspace).compactRevision();
    }

    /// The alarms of a keyspace that stand.
    public List<AlarmMember> alarms(int keyspace) {
        return state.keyspaces().get(keyspace).alarms();
    }

    /// What the members published about themselves, by node id.
    public Map<String, PublishMember> members() {
        return state.members();
    }

    /// The time by which leases expire.
    public LeaseClock leaseClock() {
        return state.leaseClock();
    }

    /// Whether keys of revoked leases are still to be deleted, which ticks to come do.
    public boolean isDraining() {
        return !state.drains().isEmpty();
    }

    /// What is stored, for families that this package has no form for. Good for as long as the view.
    public StoreReader stored() {
        return snapshot;
    }

    /// A reader of one keyspace, good for as long as the view.
    public KeyReader keyspace(int keyspace) {
        return new KeyspaceReader(state.keyspaces().get(keyspace));
    }

    /// Hands the changes of a keyspace with `fromMain` <= main revision <= `toMain` that compaction has left to the sink, in
    /// revision order, until it has enough.
    public void scanChanges(int keyspace, long fromMain, long toMain, ChangeSink sink) {
        scanEvents(
                keyspace,
                fromMain,
                toMain,
                (main, sub, event) ->
                        sink.accept(
                                new Revision(main, sub),
                                EventCodec.key(keyspace, event),
                                EventCodec.record(event)),
                (main, sub, key) ->
                        sink.accept(new Revision(main, sub), key, RecordCodec.TOMBSTONE));
    }

    /// Hands the changes of a keyspace with `fromMain` <= main revision <= `toMain` to the sink, in revision order, until it has
    /// enough. Changes below the compact revision may be missing.
    public void scanHistory(int keyspace, long fromMain, long toMain, Predicate<Change> sink) {
        scanEvents(
                keyspace,
                fromMain,
                toMain,
                (main, sub, event) -> sink.test(Change.ofEvent(keyspace, main, event)),
                (main, sub, key) -> sink.test(Change.ofDeletion(main, key)));
    }

    /// Takes what is there for a revision, and says whether to go on.
    @FunctionalInterface
    private interface AtRevision {
        boolean accept(long main, int sub, byte[] found);
    }

    /// All events in their order.
    ///
    /// @param stored takes those that are stored
    /// @param toCome takes the keys whose deletion drains have still to write
    private void scanEvents(
            int keyspace, long fromMain, long toMain, AtRevision stored, AtRevision toCome) {
        byte[] lower = KeyCodec.event(keyspace, fromMain, 0);
        byte[] upper = KeyCodec.event(keyspace, toMain + 1, 0);
        try (Cursor events = snapshot.cursor(Family.EVENTS, lower, upper)) {
            for (Drain drain : state.drains().between(keyspace, fromMain, toMain)) {
                int[] sub = {drain.getDeleted()};
                if (!scanStored(events, drain.getRevision(), stored)
                        || !Drains.scanKeys(
                                snapshot,
                                drain,
                                key -> toCome.accept(drain.getRevision(), sub[0]++, key))) {
                    return;
                }
            }
            var _ = scanStored(events, Long.MAX_VALUE, stored);
        }
    }

    /// Goes on to the end of a main revision; false if the sink had enough.
    private static boolean scanStored(Cursor events, long toMain, AtRevision stored) {
        while (events.valid()) {
            byte[] at = events.key();
            long main = KeyCodec.mainOfEvent(at);
            if (main > toMain) {
                return true;
            }
            if (!stored.accept(main, KeyCodec.subOfEvent(at), events.value())) {
                return false;
            }
            events.next();
        }
        return true;
    }

    /// The record that the key of a change had at the main revision before it, null if it did not exist there or if that
    /// revision is compacted.
    public byte @Nullable [] recordBefore(Change change) {
        int keyspace = change.keyspace();
        if (change.isCreation() || change.revision() - 1 < compactRevision(keyspace)) {
            return null;
        }
        if (!change.namesPrevious()) {
            return StoredKeys.at(snapshot, change.key(), change.revision() - 1);
        }
        return StoredKeys.walk(
                snapshot,
                change.key(),
                new Revision(change.previousMain(), change.previousSub()),
                change.revision() - 1);
    }

    /// Receives the changes of a scan in revision order.
    @FunctionalInterface
    public interface ChangeSink {
        /// Takes a change: its `current` key and the record that it made, of which [RecordCodec#isTombstone(byte[])] tells a
        /// deletion. Says whether to go on.
        boolean accept(Revision revision, byte[] key, byte[] record);
    }

    /// Reads one keyspace of the view.
    private final class KeyspaceReader implements KeyReader {
        private final Keyspace keyspace;

        KeyspaceReader(Keyspace keyspace) {
            this.keyspace = keyspace;
        }

        @Override
        public int keyspace() {
            return keyspace.id();
        }

        @Override
        public long revision() {
            return keyspace.revision();
        }

        @Override
        public long compactRevision() {
            return keyspace.compactRevision();
        }

        @Override
        public byte @Nullable [] get(byte[] key, long revision) {
            byte[] found =
                    revision >= keyspace.revision()
                            ? latest(key)
                            : StoredKeys.at(snapshot, key, revision);
            return found != null && state.drains().hide(keyspace.id(), found, revision)
                    ? null
                    : found;
        }

        private byte @Nullable [] latest(byte[] key) {
            byte[] known = records.find(key, state.index());
            if (known != null) {
                return known;
            }
            byte[] stored = StoredKeys.latest(snapshot, key);
            if (stored != null) {
                records.offer(key, stored, state.index());
            }
            return stored;
        }

        @Override
        public void scan(KeyRange range, long revision, RecordSink sink) {
            RecordSink shown = state.drains().shown(keyspace.id(), revision, sink);
            if (revision >= keyspace.revision()) {
                StoredKeys.scanLatest(snapshot, range, shown);
            } else {
                StoredKeys.scanAt(snapshot, range, revision, shown);
            }
        }

        @Override
        public long count(KeyRange range, long revision) {
            if (revision >= keyspace.revision() && !state.drains().concern(keyspace.id())) {
                return StoredKeys.countLatest(snapshot, range);
            }
            long[] count = {0};
            scan(
                    range,
                    revision,
                    (key, record) -> {
                        count[0]++;
                        return true;
                    });
            return count[0];
        }
    }
}
