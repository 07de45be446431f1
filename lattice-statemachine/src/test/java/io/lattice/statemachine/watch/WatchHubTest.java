package io.lattice.statemachine.watch;

import static io.lattice.statemachine.apply.Requests.command;
import static io.lattice.statemachine.apply.Requests.compact;
import static io.lattice.statemachine.apply.Requests.del;
import static io.lattice.statemachine.apply.Requests.delete;
import static io.lattice.statemachine.apply.Requests.key;
import static io.lattice.statemachine.apply.Requests.op;
import static io.lattice.statemachine.apply.Requests.put;
import static io.lattice.statemachine.apply.Requests.success;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.proto.command.Command;
import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.LeaseTick;
import io.lattice.proto.command.Proposal;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.LeaseRevokeRequest;
import io.lattice.proto.mvccpb.Event;
import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.apply.StateStore;
import io.lattice.statemachine.lease.DrainLimits;
import io.lattice.statemachine.mvcc.KeyRange;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.StoreOptions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WatchHubTest {
    private static final int KEYSPACE = 1;
    private static final StoreOptions OPTIONS =
            new StoreOptions(8 << 20, 8 << 20, 1 << 20, 16, 2, 64);
    private static final long RECENT_BYTES = 400_000;

    /// Few enough for the leases of these tests to be drained.
    private static final DrainLimits DRAIN_LIMITS = new DrainLimits(2, 1);

    private static final int LEASES = 2;

    @TempDir Path directory;
    private final WatchHub hub = new WatchHub(RECENT_BYTES, 500);
    private StateStore store;
    private long index = -1;

    /// All events so far, as the store's history had them right after they were applied.
    private final List<Event> all = new ArrayList<>();

    @BeforeEach
    void open() {
        store = StateStore.open(directory.resolve("store"), OPTIONS, hub, DRAIN_LIMITS);
    }

    @AfterEach
    void close() {
        store.close();
    }

    private void apply(Command... commands) {
        long before = revision();
        index++;
        CommandBatch batch =
                CommandBatch.newBuilder()
                        .addProposals(Proposal.newBuilder().addAllCommands(List.of(commands)))
                        .build();
        store.apply(new LogPosition(1, index), batch, origin -> false);
        try (ReadView view = store.view()) {
            view.scanHistory(
                    KEYSPACE,
                    before + 1,
                    view.revision(KEYSPACE),
                    change -> all.add(event(new WatchEvent(change), view)));
        }
    }

    private static Event event(WatchEvent event, ReadView view) {
        event.previous(view);
        return decode(event, true);
    }

    private static Event decode(WatchEvent event, boolean withPrevious) {
        try {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            bytes.write(event.encoded());
            if (withPrevious) {
                bytes.write(event.previous());
            }
            return Event.parseFrom(bytes.toByteArray());
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private long revision() {
        try (ReadView view = store.view()) {
            return view.revision(KEYSPACE);
        }
    }

    private static Watcher.Spec spec(String key, String end, long start) {
        return new Watcher.Spec(
                0, KeyRange.of(KEYSPACE, key(key), key(end)), start, false, false, false);
    }

    /// A stream that is served when the test says so.
    private class Stream {
        private int wakes;
        private final Subscriber subscriber = hub.subscribe(KEYSPACE, () -> this.wakes++);
        private final List<Followed> followed = new ArrayList<>();

        Followed watch(Watcher.Spec spec) {
            Followed added = new Followed(subscriber.watch(spec), revision());
            followed.add(added);
            return added;
        }

        private Followed of(Watcher watcher) {
            return followed.stream().filter(f -> f.watcher == watcher).findFirst().orElseThrow();
        }

        void deliver(List<EventBatch> batches) {
            for (EventBatch batch : batches) {
                of(batch.watcher()).receive(batch);
            }
        }

        private void expire() {
            subscriber.takeExpired().forEach(watcher -> of(watcher).expired = true);
        }

        /// One turn as a stream makes them; false if there was nothing to do.
        boolean turn() {
            List<EventBatch> taken = subscriber.take();
            deliver(taken);
            if (!taken.isEmpty()) {
                return true;
            }
            if (!subscriber.isBehind()) {
                return false;
            }
            List<EventBatch> recent = subscriber.catchUpFromRecent();
            deliver(recent);
            expire();
            CatchUp catchUp = recent.isEmpty() ? subscriber.catchUpFromHistory() : null;
            expire();
            if (catchUp != null) {
                try (ReadView view = store.view()) {
                    CatchUp.Result result = HistoryReader.read(view, catchUp);
                    subscriber.complete(result);
                    expire();
                    deliver(result.batches());
                }
            }
            return true;
        }

        void drain() {
            for (int turns = 0; turn(); turns++) {
                assertThat(turns).as("turns without an end").isLessThan(100_000);
            }
        }
    }

    /// A watcher and what it was told.
    private final class Followed {
        private final Watcher watcher;
        private final long from;
        private final List<Event> events = new ArrayList<>();
        private boolean expired;
        private boolean cancelled;

        Followed(Watcher watcher, long revision) {
            this.watcher = watcher;
            this.from = watcher.startRevision() == 0 ? revision + 1 : watcher.startRevision();
        }

        void receive(EventBatch batch) {
            assertThat(expired || cancelled).as("an event after the end").isFalse();
            List<Event> decoded = batch.events().stream().map(e -> decode(e, false)).toList();
            long last = batch.events().getLast().revision();
            assertThat(batch.revision()).isGreaterThanOrEqualTo(last);
            events.addAll(decoded);
            // Whole revisions: nothing of the last one may come later.
            assertThat(events).hasSize(expected(last).size());
        }

        private List<Event> expected(long to) {
            return all.stream()
                    .filter(e -> e.getKv().getModRevision() >= from)
                    .filter(e -> e.getKv().getModRevision() <= to)
                    .filter(e ->
                            watcher.range()
                                    .contains(KeyCodec.current(KEYSPACE, e.getKv().getKey())))
                    .map(e -> e.toBuilder().clearPrevKv().build())
                    .toList();
        }

        void assertComplete() {
            List<Event> wanted = expected(Long.MAX_VALUE);
            if (expired || cancelled) {
                assertThat(events).isEqualTo(wanted.subList(0, events.size()));
            } else {
                assertThat(events).isEqualTo(wanted);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
    void everyWatcherGetsEveryEventOnceAndInOrderHoweverItIsServed(long seed) {
        Random random = new Random(seed);
        List<Stream> streams = List.of(new Stream(), new Stream(), new Stream());
        List<Followed> watchers = new ArrayList<>();
        int expired = 0;
        int drained = 0;
        for (long lease = 1; lease <= LEASES; lease++) {
            apply(grant(lease));
        }

        for (int step = 0; step < 1_500; step++) {
            Stream stream = streams.get(random.nextInt(streams.size()));
            switch (random.nextInt(20)) {
                case 0 -> watchers.add(stream.watch(randomSpec(random)));
                case 1 -> {
                    if (!stream.followed.isEmpty() && random.nextInt(3) == 0) {
                        Followed one = stream.followed.get(random.nextInt(stream.followed.size()));
                        stream.subscriber.cancel(one.watcher);
                        one.cancelled = true;
                    }
                }
                case 2 -> {
                    if (random.nextInt(10) == 0) {
                        apply(compact(revision() - random.nextInt(20)));
                    }
                }
                case 3 -> {
                    if (random.nextInt(20) == 0) {
                        store.close();
                        store =
                                StateStore.open(
                                        directory.resolve("store"), OPTIONS, hub, DRAIN_LIMITS);
                    }
                }
                case 8 -> {
                    if (random.nextInt(2) == 0) {
                        long lease = 1 + random.nextInt(LEASES);
                        apply(revoke(lease));
                        drained += isDraining() ? 1 : 0;
                        apply(randomCommand(random), grant(lease));
                    }
                    apply(tick(), randomCommand(random));
                }
                case 4, 5, 6, 7 -> {
                    // The first stream's client is slow.
                    if (stream != streams.getFirst() || random.nextInt(40) == 0) {
                        stream.turn();
                    }
                }
                default -> apply(randomCommand(random), randomCommand(random));
            }
        }
        streams.forEach(Stream::drain);

        for (Followed watcher : watchers) {
            watcher.assertComplete();
            expired += watcher.expired ? 1 : 0;
        }
        assertThat(watchers).hasSizeGreaterThan(20);
        assertThat(drained).isPositive();
        assertThat(expired).isLessThan(watchers.size());
        assertThat(hub.recentBytes(KEYSPACE)).isLessThan(RECENT_BYTES + 300_000);
        streams.forEach(stream -> stream.subscriber.close());
        assertThat(hub.wantsChanges()).isFalse();
        assertThat(hub.recentBytes(KEYSPACE)).isZero();
    }

    private Watcher.Spec randomSpec(Random random) {
        long start =
                switch (random.nextInt(4)) {
                    case 0 -> Math.max(1, revision() - random.nextInt(300));
                    case 1 -> revision() + random.nextInt(20);
                    default -> 0;
                };
        return switch (random.nextInt(3)) {
            case 0 -> spec("k" + random.nextInt(10), "", start);
            case 1 -> spec("k" + random.nextInt(5), "k" + (5 + random.nextInt(5)), start);
            default -> spec("k", "l", start);
        };
    }

    private static Command randomCommand(Random random) {
        String key = "k" + random.nextInt(10);
        String value = "x".repeat(random.nextInt(30) == 0 ? 50_000 : random.nextInt(200));
        return switch (random.nextInt(6)) {
            case 0 -> command(delete(key, ""));
            case 1 -> command(success(op(put(key, value)), op(put("m" + key, value))));
            case 2 -> command(success(del("k0", "k3"), op(put("k5", value)), op(put("k6", "y"))));
            case 3 -> command(put(key, value));
            default ->
                    command(
                            put(key, value).toBuilder()
                                    .setLease(random.nextInt(LEASES + 1))
                                    .build());
        };
    }

    private static Command grant(long lease) {
        return Command.newBuilder()
                .setKeyspace(KEYSPACE)
                .setLeaseGrant(LeaseGrantRequest.newBuilder().setID(lease).setTTL(60))
                .build();
    }

    private static Command revoke(long lease) {
        return Command.newBuilder()
                .setKeyspace(KEYSPACE)
                .setLeaseRevoke(LeaseRevokeRequest.newBuilder().setID(lease))
                .build();
    }

    /// Has a drain go on.
    private Command tick() {
        try (ReadView view = store.view()) {
            return Command.newBuilder()
                    .setLeaseTick(
                            LeaseTick.newBuilder()
                                    .setTerm(1)
                                    .setNumber(view.leaseClock().ticks() + 1))
                    .build();
        }
    }

    private boolean isDraining() {
        try (ReadView view = store.view()) {
            return view.isDraining();
        }
    }

    @Test
    void aCompactionRightAfterARevokeOfManyKeysEndsNoWatcherThatWasInStep() {
        Stream stream = new Stream();
        Followed concerned = stream.watch(spec("k", "l", 0));
        Followed idle = stream.watch(spec("z", "", 0));
        apply(grant(1));
        for (int i = 0; i < 5; i++) {
            apply(command(put("k" + i, "v").toBuilder().setLease(1).build()));
        }
        stream.drain();

        apply(revoke(1));
        apply(command(put("x", "v")));
        apply(compact(revision()));
        stream.drain();

        assertThat(idle.expired).as("has nothing to do with the lease").isFalse();
        assertThat(concerned.expired).isFalse();
        assertThat(concerned.events).hasSize(10);
    }

    @Test
    void aRevokedLeaseOfManyKeysIsToldAtOnceAndWhole() {
        Stream stream = new Stream();
        Followed watcher = stream.watch(spec("k", "l", 0));
        apply(grant(1));
        for (int i = 0; i < 5; i++) {
            apply(command(put("k" + i, "v").toBuilder().setLease(1).build()));
        }
        stream.drain();

        apply(revoke(1));
        apply(tick());
        assertThat(isDraining()).isTrue();
        stream.drain();

        List<Event> told = watcher.events.subList(5, 10);
        assertThat(told).allMatch(e -> e.getType() == Event.EventType.DELETE);
        assertThat(told).extracting(e -> e.getKv().getModRevision()).containsOnly(revision());
        apply(command(put("k9", "v")));
        assertThat(isDraining()).isTrue();
        apply(command(put("k4", "v")));
        assertThat(isDraining()).as("after a put to one of its keys").isFalse();
        stream.drain();
        watcher.assertComplete();
        assertThat(watcher.events).hasSize(12);
    }

    @Test
    void aStreamThatIsNeverServedHoldsNoEvents() {
        Stream stream = new Stream();
        Followed watcher = stream.watch(spec("k", "l", 0));

        for (int i = 0; i < 200; i++) {
            apply(command(put("k" + i % 10, "v".repeat(50_000))));
        }

        assertThat(hub.recentBytes(KEYSPACE)).isLessThan(RECENT_BYTES + 60_000);
        assertThat(stream.subscriber.isBehind()).isTrue();
        assertThat(stream.wakes).isEqualTo(1);
        stream.drain();
        watcher.assertComplete();
        assertThat(watcher.events).hasSize(200);
    }

    @Test
    void aStreamThatFellBehindAndIsOvertakenByCompactionIsToldSoAndGetsNothingMore() {
        Stream stream = new Stream();
        Followed slow = stream.watch(spec("k", "l", 0));
        Followed idle = stream.watch(spec("z", "", 0));
        for (int i = 0; i < 100; i++) {
            apply(command(put("k", "v".repeat(50_000))));
        }

        apply(compact(revision()));
        apply(command(put("k", "after")));
        stream.drain();

        assertThat(slow.expired).isTrue();
        assertThat(slow.events).isEmpty();
        assertThat(idle.expired).isTrue();
        assertThat(stream.subscriber.compactRevision()).isEqualTo(revision() - 1);
        assertThat(stream.subscriber.watchers()).isZero();
    }

    @Test
    void anEventInMemoryIsEncodedOnceForAllStreamsAndOneFromTheHistoryOnceForItsStream() {
        List<Stream> live = List.of(new Stream(), new Stream());
        live.forEach(stream -> stream.watch(spec("k", "", 0)));
        live.forEach(stream -> stream.watch(spec("k", "l", 0)));
        apply(command(put("k", "1")));
        apply(command(put("k", "2")));
        Stream behind = new Stream();
        behind.watch(spec("k", "", revision()));
        List<Stream> past = List.of(new Stream(), new Stream());

        List<WatchEvent> events = new ArrayList<>();
        for (Stream stream : live) {
            stream.subscriber.take().forEach(batch -> events.add(batch.events().getLast()));
        }
        behind.subscriber.catchUpFromRecent().forEach(batch -> events.addAll(batch.events()));

        assertThat(events).hasSize(5);
        byte[] encoded = events.getFirst().encoded();
        byte[] previous;
        try (ReadView view = store.view()) {
            previous = events.getFirst().previous(view);
        }
        assertThat(previous).isNotEmpty();
        assertThat(events).allMatch(event -> event.encoded() == encoded);
        assertThat(events).allMatch(event -> event.previous() == previous);

        evict();
        List<byte[]> read = new ArrayList<>();
        for (Stream stream : past) {
            stream.watch(spec("k", "", 2));
            stream.watch(spec("k", "l", 2));
            List<WatchEvent> found = fromHistory(stream);
            assertThat(found).hasSize(4);
            assertThat(found.get(2)).isSameAs(found.get(0));
            read.add(found.get(1).encoded());
        }
        assertThat(read).allMatch(bytes -> Arrays.equals(bytes, encoded));
        assertThat(read.get(0)).isNotSameAs(encoded).isNotSameAs(read.get(1));
    }

    @Test
    void nothingIsMissedOrToldTwiceWhenMoreIsAppliedWhileAStreamIsBroughtUp() throws Exception {
        Map<Watcher, Long> told = new LinkedHashMap<>();
        Stream stream =
                new Stream() {
                    @Override
                    void deliver(List<EventBatch> batches) {
                        for (EventBatch batch : batches) {
                            for (WatchEvent event : batch.events()) {
                                Long last = told.replace(batch.watcher(), event.revision());
                                assertThat(last).isEqualTo(event.revision() - 1);
                            }
                        }
                    }
                };
        Thread applying =
                Thread.ofPlatform()
                        .start(() -> {
                            for (int i = 0; i < 3_000; i++) {
                                apply(command(put("k" + i % 10, "")));
                            }
                        });
        for (int i = 0; applying.isAlive(); i++) {
            long from = Math.max(2, revision() - 400);
            // Of a range of its own each, so that none of them is told what another one wants.
            told.put(stream.subscriber.watch(spec("k", "l" + i, from)), from - 1);
            if (told.size() > 20) {
                Watcher oldest = told.keySet().iterator().next();
                stream.subscriber.cancel(oldest);
                told.remove(oldest);
            }
            while (stream.subscriber.isBehind()) {
                stream.turn();
            }
        }
        applying.join();
        stream.drain();

        assertThat(revision()).isEqualTo(3_001);
        assertThat(told).hasSize(20);
        assertThat(told.values()).containsOnly(revision());
    }

    /// Has so much happen elsewhere that the events so far are in the history only.
    private void evict() {
        for (int i = 0; i < 10; i++) {
            apply(command(put("z", "v".repeat(50_000))));
        }
    }

    private List<WatchEvent> fromHistory(Stream stream) {
        assertThat(stream.subscriber.catchUpFromRecent()).isEmpty();
        CatchUp catchUp = stream.subscriber.catchUpFromHistory();
        try (ReadView view = store.view()) {
            return HistoryReader.read(view, catchUp).batches().stream()
                    .flatMap(batch -> batch.events().stream())
                    .toList();
        }
    }

    @Test
    void progressIsKnownOnlyWhenEverythingWasTaken() {
        Stream stream = new Stream();
        stream.watch(spec("k", "", 0));
        assertThat(stream.subscriber.inStepRevision()).hasValue(1);

        apply(command(put("k", "1")));
        assertThat(stream.subscriber.inStepRevision()).isEmpty();

        stream.turn();
        assertThat(stream.subscriber.inStepRevision()).hasValue(2);

        apply(command(put("other", "1")));
        assertThat(stream.subscriber.inStepRevision()).hasValue(3);

        stream.watch(spec("k", "", 2));
        assertThat(stream.subscriber.inStepRevision()).isEmpty();
        stream.drain();
        assertThat(stream.subscriber.inStepRevision()).hasValue(3);

        stream.watch(spec("k", "", 10));
        assertThat(stream.subscriber.inStepRevision()).isEmpty();
    }

    @Test
    void theRecordBeforeIsThatOfTheRevisionBeforeAndGoneAtTheCompactRevision() {
        apply(command(put("a", "1")));
        apply(command(put("a", "2")));
        apply(command(success(op(put("a", "3")), del("a", "\0"), del("a", "\0"))));

        List<Event> events = all.subList(all.size() - 2, all.size());

        assertThat(events)
                .allSatisfy(event -> {
                    assertThat(event.getPrevKv().getValue())
                            .isEqualTo(ByteString.copyFromUtf8("2"));
                    assertThat(event.getPrevKv().getModRevision()).isEqualTo(3);
                });
        apply(compact(4));
        try (ReadView view = store.view()) {
            view.scanHistory(
                    KEYSPACE,
                    4,
                    4,
                    change -> {
                        assertThat(event(new WatchEvent(change), view).hasPrevKv()).isFalse();
                        return true;
                    });
        }
    }
}
