package io.lattice.statemachine.apply;

import static io.lattice.statemachine.apply.Requests.command;
import static io.lattice.statemachine.apply.Requests.compact;
import static io.lattice.statemachine.apply.Requests.delete;
import static io.lattice.statemachine.apply.Requests.put;
import static io.lattice.statemachine.apply.Requests.range;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lattice.proto.command.Command;
import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.proto.command.PublishMember;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.query.QueryExecutor;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.RocksStore;
import io.lattice.statemachine.storage.StorageException;
import io.lattice.statemachine.storage.StoreOptions;
import io.lattice.statemachine.storage.WriteBuffer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StateStoreTest {
    private static final int KEYSPACE = StoreDriver.KEYSPACE;
    private static final StoreOptions OPTIONS =
            new StoreOptions(8 << 20, 8 << 20, 1 << 20, 16, 2, 64);

    @TempDir Path root;

    @Test
    void emptyStoreIsAtRevisionOneAndWasNeverCompacted() {
        try (StoreDriver driver = StoreDriver.create(root);
                ReadView view = driver.store().view()) {
            assertThat(driver.store().applied()).isEqualTo(LogPosition.NONE);
            assertThat(view.revision(KEYSPACE)).isEqualTo(1);
            assertThat(view.compactRevision(KEYSPACE)).isEqualTo(-1);
            assertThat(view.appliedIndex()).isEqualTo(-1);
        }
    }

    @Test
    void onlyMutationsTakeRevisions() {
        try (StoreDriver driver = StoreDriver.create(root)) {
            assertThat(applied(driver, command(put("a", "1"))).revision()).isEqualTo(2);
            assertThat(applied(driver, command(delete("b", ""))).revision()).isEqualTo(2);
            assertThat(applied(driver, compact(2)).revision()).isEqualTo(2);
            assertThat(applied(driver, command(delete("a", "b"))).revision()).isEqualTo(3);
        }
    }

    @Test
    void compactionIsCheckedAndTakesEffectAtOnce() {
        try (StoreDriver driver = StoreDriver.create(root)) {
            driver.apply(command(put("a", "1")));
            driver.apply(command(put("a", "2")));
            driver.apply(command(put("a", "3")));

            List<Outcome> outcomes =
                    driver.apply(
                            List.of(compact(-1), compact(5), compact(3), compact(3), compact(4)));

            assertThat(outcomes.get(0)).isEqualTo(new Outcome.Refused(Refusal.COMPACTED));
            assertThat(outcomes.get(1)).isEqualTo(new Outcome.Refused(Refusal.FUTURE_REVISION));
            assertThat(outcomes.get(2)).isInstanceOf(Outcome.Applied.class);
            assertThat(outcomes.get(3)).isEqualTo(new Outcome.Refused(Refusal.COMPACTED));
            assertThat(outcomes.get(4)).isInstanceOf(Outcome.Applied.class);
            assertThatThrownBy(() -> driver.read(query -> query.range(KEYSPACE, rangeAt(3))))
                    .isInstanceOf(RefusalException.class)
                    .hasMessage("etcdserver: mvcc: required revision has been compacted");
            assertThat(driver.read(query -> query.range(KEYSPACE, rangeAt(4))).getCount())
                    .isEqualTo(1);
        }
    }

    @Test
    void physicalCompactionLeavesWhatEtcdWouldLeave() {
        try (StoreDriver driver = StoreDriver.create(root)) {
            driver.apply(command(put("a", "1")));
            driver.apply(command(put("a", "2")));
            driver.apply(command(put("b", "3")));
            driver.apply(command(delete("b", "")));
            driver.apply(command(put("c", "4")));

            driver.apply(compact(5));
            driver.store().compacted(KEYSPACE, 5).join();
            assertThat(changes(driver)).containsExactly("3:a", "5:b deleted", "6:c");

            driver.apply(compact(6));
            driver.store().compacted(KEYSPACE, 6).join();
            assertThat(changes(driver)).containsExactly("3:a", "6:c");

            driver.apply(command(delete("\0", "\0")));
            driver.apply(command(put("d", "5")));
            driver.apply(compact(8));
            driver.store().compacted(KEYSPACE, 8).join();
            assertThat(changes(driver)).containsExactly("8:d");
        }
    }

    @Test
    void interruptedCompactionIsResumedAfterACrash() throws IOException {
        try (StoreDriver driver = StoreDriver.create(root)) {
            for (int i = 0; i < 2_000; i++) {
                driver.apply(command(put("k" + i % 3, "v" + i)));
            }
            driver.store().flush();
            driver.apply(compact(1_900));

            driver.crash();
            driver.store().compacted(KEYSPACE, 1_900).join();

            assertThat(changes(driver)).hasSize(2_001 - 1_900 + 3);
            RangeResponse old =
                    driver.read(query ->
                            query.range(
                                    KEYSPACE,
                                    range("k", "l").toBuilder().setRevision(1_900).build()));
            assertThat(old.getCount()).isEqualTo(3);
        }
    }

    /// Long enough that reads begin at every kind of entry into a key's history.
    @Test
    void everyOldRevisionOfABusyKeyIsFound() {
        int rounds = 150;
        try (StoreDriver driver = StoreDriver.create(root)) {
            for (int i = 0; i < rounds; i++) {
                driver.apply(i == 70 ? command(delete("a", "")) : command(put("a", "" + i)));
            }
            assertOldValues(driver, 2, rounds);
            driver.apply(compact(45));
            driver.store().compacted(KEYSPACE, 45).join();
            driver.restart();
            assertOldValues(driver, 45, rounds);
        }
    }

    private static void assertOldValues(StoreDriver driver, int from, int rounds) {
        for (int revision = from; revision < rounds + 2; revision++) {
            int value = revision - 2;
            RangeRequest one = range("a").toBuilder().setRevision(revision).build();
            RangeRequest all = range("\0", "\0").toBuilder().setRevision(revision).build();

            RangeResponse response = driver.read(query -> query.range(KEYSPACE, one));

            RangeResponse scanned = driver.read(query -> query.range(KEYSPACE, all));
            assertThat(scanned).isEqualTo(response);
            assertThat(response.getCount()).isEqualTo(value == 70 ? 0 : 1);
            assertThat(response.getKvsList())
                    .allMatch(kv -> kv.getValue().toStringUtf8().equals("" + value));
        }
    }

    @Test
    void waitingForACompactionEndsWhenTheStoreCloses() {
        StoreDriver driver = StoreDriver.create(root);
        driver.apply(command(put("a", "1")));
        CompletableFuture<Void> never = driver.store().compacted(KEYSPACE, 2);
        driver.close();

        assertThatThrownBy(never::get)
                .isInstanceOf(ExecutionException.class)
                .hasRootCauseMessage("the store is closing");
    }

    @Test
    void outcomesAreBuiltOnlyForThoseWhoAsk() {
        try (StateStore store = StateStore.open(root.resolve("s"), OPTIONS)) {
            CommandBatch batch =
                    CommandBatch.newBuilder()
                            .addProposals(proposal(1, command(put("a", "1"))))
                            .addProposals(
                                    proposal(2, command(put("b", "1")), command(put("c", "1"))))
                            .build();

            List<List<Outcome>> outcomes =
                    store.apply(new LogPosition(1, 0), batch, origin -> origin == 2);

            assertThat(outcomes).hasSize(2);
            assertThat(outcomes.get(0)).isEmpty();
            assertThat(outcomes.get(1)).hasSize(2);
            try (ReadView view = store.view()) {
                assertThat(view.revision(KEYSPACE)).isEqualTo(4);
            }
        }
    }

    @Test
    void entriesMustComeInOrder() {
        try (StateStore store = StateStore.open(root.resolve("s"), OPTIONS)) {
            store.advance(new LogPosition(1, 3));

            assertThatThrownBy(() -> apply(store, 3, command(put("a", "1"))))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("entry 3");
            apply(store, 4, command(put("a", "1")));
            assertThat(store.applied()).isEqualTo(new LogPosition(1, 4));
        }
    }

    @Test
    void unknownCommandStopsTheStore() {
        try (StateStore store = StateStore.open(root.resolve("s"), OPTIONS)) {
            assertThatThrownBy(() -> apply(store, 0, Command.getDefaultInstance()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("does not know");
            assertThatThrownBy(() -> apply(store, 0, command(put("a", "1"))))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("failed before");
        }
    }

    @Test
    void advancedPositionRidesAlongWithTheNextBatch() {
        Path directory = root.resolve("s");
        try (StateStore store = StateStore.open(directory, OPTIONS)) {
            apply(store, 0, command(put("a", "1")));
            store.advance(new LogPosition(2, 1));
            assertThat(store.applied()).isEqualTo(new LogPosition(2, 1));
            try (ReadView view = store.view()) {
                assertThat(view.appliedIndex()).isEqualTo(1);
            }
        }
        try (StateStore store = StateStore.open(directory, OPTIONS)) {
            assertThat(store.applied()).isEqualTo(new LogPosition(1, 0));
        }
    }

    @Test
    void membersSurviveARestart() {
        PublishMember member =
                PublishMember.newBuilder().setNodeId("n1").addClientUrls("https://a:1").build();
        try (StoreDriver driver = StoreDriver.create(root)) {
            driver.apply(
                    Command.newBuilder().setKeyspace(KEYSPACE).setPublishMember(member).build());

            driver.restart();

            try (ReadView view = driver.store().view()) {
                assertThat(view.members()).containsExactly(Map.entry("n1", member));
            }
        }
    }

    @Test
    void crashGoesBackToTheLastFlushWhole() throws IOException {
        try (StoreDriver driver = StoreDriver.create(root)) {
            driver.apply(command(put("a", "1")));
            driver.store().flush();
            driver.apply(List.of(command(put("a", "2")), command(put("b", "2"))));
            int before = driver.read(query -> query.hashKv(KEYSPACE, 0)).getHash();

            driver.crash();

            assertThat(driver.read(query -> query.hashKv(KEYSPACE, 0)).getHash()).isEqualTo(before);
            assertThat(driver.store().applied()).isEqualTo(new LogPosition(1, 1));
        }
    }

    @Test
    void checkpointsTakenWhileApplyingAreWholeEntries() throws Exception {
        try (StateStore store = StateStore.open(root.resolve("s"), OPTIONS)) {
            AtomicBoolean stop = new AtomicBoolean();
            CompletableFuture<Void> applying =
                    CompletableFuture.runAsync(() -> {
                        for (int i = 0; !stop.get(); i++) {
                            apply(store, i, command(put("a", "" + i)), command(put("b", "" + i)));
                        }
                    });
            for (int i = 0; i < 5; i++) {
                Path target = root.resolve("c" + i);

                LogPosition held = store.checkpoint(target);

                try (StateStore copy = StateStore.open(target, OPTIONS);
                        ReadView view = copy.view()) {
                    assertThat(copy.applied()).isEqualTo(held);
                    RangeResponse both = new QueryExecutor(view).range(KEYSPACE, range("a", "c"));
                    assertThat(both.getKvsList())
                            .allMatch(kv -> kv.getValue().toStringUtf8().equals("" + held.index()));
                    assertThat(view.revision(KEYSPACE)).isEqualTo(1 + 2 * (held.index() + 1));
                }
            }
            stop.set(true);
            applying.get();
        }
    }

    @Test
    void readersSeeWholeEntries() throws Exception {
        try (StateStore store = StateStore.open(root.resolve("s"), OPTIONS)) {
            CompletableFuture<Void> applying =
                    CompletableFuture.runAsync(() -> {
                        for (int i = 0; i < 3_000; i++) {
                            apply(store, i, command(put("a", "" + i)), command(put("b", "" + i)));
                        }
                    });
            while (!applying.isDone()) {
                try (ReadView view = store.view()) {
                    RangeResponse both = new QueryExecutor(view).range(KEYSPACE, range("a", "c"));
                    assertThat(both.getCount()).isEqualTo(view.appliedIndex() < 0 ? 0 : 2);
                    assertThat(both.getKvsList())
                            .allMatch(kv ->
                                    kv.getValue().toStringUtf8().equals("" + view.appliedIndex()));
                }
            }
            applying.get();
        }
    }

    @Test
    void closedStoreGivesNoViews() {
        StateStore store = StateStore.open(root.resolve("s"), OPTIONS);
        store.close();

        assertThatThrownBy(store::view)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the store is closed");
    }

    @Test
    void otherFormatIsRefused() {
        Path directory = root.resolve("s");
        damage(directory, KeyCodec.formatVersion(), new byte[] {0, 0, 0, 9});

        assertThatThrownBy(() -> StateStore.open(directory, OPTIONS))
                .isInstanceOf(StorageException.class)
                .hasMessage("the store has format version 9, this version of Lattice reads 1");
    }

    @Test
    void damagedBookkeepingIsRefused() {
        Path directory = root.resolve("s");
        damage(directory, KeyCodec.appliedPosition(), new byte[3]);

        assertThatThrownBy(() -> StateStore.open(directory, OPTIONS))
                .isInstanceOf(StorageException.class)
                .hasMessage("the store is damaged: its applied position has 3 bytes, expected 16");
    }

    private static void damage(Path directory, byte[] key, byte[] value) {
        try (StateStore store = StateStore.open(directory, OPTIONS)) {
            apply(store, 0, command(put("a", "1")));
        }
        try (RocksStore store = RocksStore.open(directory, OPTIONS)) {
            WriteBuffer buffer = store.newBuffer();
            buffer.put(Family.META, key, value);
            store.write(buffer);
        }
    }

    private static List<String> changes(StoreDriver driver) {
        // A view shows the store as of its entry; what was removed since shows with the next one.
        driver.apply(command(delete("nothing", "")));
        List<String> found = new ArrayList<>();
        try (ReadView view = driver.store().view()) {
            view.scanChanges(
                    KEYSPACE,
                    0,
                    Long.MAX_VALUE - 1,
                    (revision, key, record) -> {
                        String name = new String(key, 4, key.length - 4, StandardCharsets.UTF_8);
                        found.add(
                                revision.main()
                                        + ":"
                                        + name
                                        + (record.length == 0 ? " deleted" : ""));
                        return true;
                    });
        }
        return found;
    }

    private static RangeRequest rangeAt(long revision) {
        return range("a").toBuilder().setRevision(revision).build();
    }

    private static Outcome.Applied applied(StoreDriver driver, Command command) {
        return (Outcome.Applied) driver.apply(command);
    }

    private static void apply(StateStore store, long index, Command... commands) {
        store.apply(
                new LogPosition(1, index),
                CommandBatch.newBuilder().addProposals(proposal(1, commands)).build(),
                origin -> false);
    }

    private static Proposal proposal(long origin, Command... commands) {
        return Proposal.newBuilder().setOrigin(origin).addAllCommands(List.of(commands)).build();
    }
}
