package io.lattice.statemachine.lease;

import static io.lattice.statemachine.lease.LeaseStore.grant;
import static io.lattice.statemachine.lease.LeaseStore.put;
import static io.lattice.statemachine.lease.LeaseStore.putCommand;
import static io.lattice.statemachine.lease.LeaseStore.renew;
import static io.lattice.statemachine.lease.LeaseStore.revoke;
import static io.lattice.statemachine.lease.LeaseStore.txn;
import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.command.Command;
import io.lattice.proto.command.LeaseRenewed;
import io.lattice.proto.command.LeaseTicked;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.apply.Requests;
import io.lattice.statemachine.apply.StoreDriver;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.query.QueryExecutor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Random histories of leases and keys, with restarts and crashes, step by step against [ReferenceLeases].
/// `-Dmodel.seed=N` replays one seed, `-Dmodel.seeds=N` runs that many.
final class LeaseModelTest {
    private static final int STEPS = 150;
    private static final int REVISIONS_SEEN = 15;
    private static final String[] KEYS = {"a", "b", "c", "d", "e", "f", "g", "a\0", "ab"};

    @TempDir Path root;

    static LongStream seeds() {
        Long single = Long.getLong("model.seed");
        return single != null
                ? LongStream.of(single)
                : LongStream.range(0, Long.getLong("model.seeds", 30));
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void storeAnswersLikeTheReference(long seed) throws IOException {
        Random random = new Random(seed);
        ReferenceLeases reference = new ReferenceLeases();
        // Most leases have few keys here, so that with these limits most revokes are drains.
        DrainLimits limits = new DrainLimits(1 + random.nextInt(3), 1 + random.nextInt(2));

        try (StoreDriver driver = StoreDriver.create(root, limits);
                StoreDriver plain = StoreDriver.create(root.resolve("plain"))) {
            LeaseStore store = new LeaseStore(driver);
            for (int step = 0; step < STEPS; step++) {
                List<Command> commands = randomCommands(random, store, reference);
                List<Object> expected = reference.apply(commands, store.term());

                List<Outcome> outcomes = driver.apply(commands);

                assertThat(outcomes.stream().map(LeaseModelTest::essence).toList())
                        .as("%s", commands)
                        .isEqualTo(expected);
                for (int keyspace = 1; keyspace <= 2; keyspace++) {
                    reference.assertSame(store, keyspace);
                }
                assertThat(driver.store().leaseCount()).isEqualTo(reference.count());
                var _ = plain.apply(commands);
                if (isDraining(driver) || step % 10 == 0) {
                    assertReadersSeeTheSame(driver, plain);
                }
                disturb(driver, random);
            }
            assertReplicaIsSame(driver);
        }
    }

    private static List<Command> randomCommands(
            Random random, LeaseStore store, ReferenceLeases reference) {
        List<Command> commands = new ArrayList<>();
        long ticks = reference.ticks();
        for (int i = random.nextInt(random.nextInt(10) + 1); i >= 0; i--) {
            int keyspace = 1 + random.nextInt(2);
            long lease = random.nextInt(7) - 3;
            switch (random.nextInt(13)) {
                case 12 -> commands.add(compaction(keyspace, reference, random));
                case 0, 1 -> commands.add(grant(keyspace, lease, 1 + random.nextInt(9)));
                case 2 -> commands.add(revoke(keyspace, lease));
                case 3 -> commands.add(renew(keyspace, lease, random.nextInt(7) - 3, lease));
                case 4, 5, 6, 7 -> commands.add(putCommand(keyspace, key(random), lease));
                case 8 -> commands.add(deletion(keyspace, random));
                case 9 -> commands.add(txn(keyspace, randomTxn(random, lease)));
                default -> {
                    boolean wrong = random.nextInt(5) == 0;
                    commands.add(
                            LeaseStore.tick(
                                    store.term() + (wrong ? random.nextInt(2) : 0),
                                    ++ticks - (wrong ? random.nextInt(2) : 0),
                                    random.nextInt(3_000),
                                    1 + random.nextInt(6)));
                }
            }
        }
        return commands;
    }

    private static Command compaction(int keyspace, ReferenceLeases reference, Random random) {
        long revision = Math.max(1, reference.revision(keyspace) - random.nextInt(20) + 1);
        return Command.newBuilder()
                .setKeyspace(keyspace)
                .setCompact(CompactionRequest.newBuilder().setRevision(revision))
                .build();
    }

    private static boolean isDraining(StoreDriver driver) {
        try (ReadView view = driver.store().view()) {
            return view.isDraining();
        }
    }

    /// Whatever a reader or a watcher may ask, at the newest revisions that aren't compacted.
    private static void assertReadersSeeTheSame(StoreDriver driver, StoreDriver plain) {
        for (int keyspace = 1; keyspace <= 2; keyspace++) {
            try (ReadView actual = driver.store().view();
                    ReadView expected = plain.store().view()) {
                assertThat(actual.revision(keyspace)).isEqualTo(expected.revision(keyspace));
                long compacted = actual.compactRevision(keyspace);
                long recent = actual.revision(keyspace) - REVISIONS_SEEN;
                // Of the compact revision itself a part may be gone.
                long first = Math.max(recent, compacted + 1);
                assertThat(history(actual, keyspace, first))
                        .isEqualTo(history(expected, keyspace, first));
                for (long at = Math.max(1, Math.max(recent, compacted));
                        at <= actual.revision(keyspace);
                        at++) {
                    assertThat(seenAt(actual, keyspace, at))
                            .isEqualTo(seenAt(expected, keyspace, at));
                }
            }
        }
    }

    private static List<Object> seenAt(ReadView view, int keyspace, long revision) {
        QueryExecutor queries = new QueryExecutor(view);
        List<Object> seen = new ArrayList<>();
        RangeRequest all = Requests.range("\0", "\0").toBuilder().setRevision(revision).build();
        seen.add(queries.range(keyspace, all));
        seen.add(queries.range(keyspace, all.toBuilder().setCountOnly(true).build()));
        seen.add(queries.hashKv(keyspace, revision));
        for (String key : KEYS) {
            RangeRequest one = Requests.range(key, "").toBuilder().setRevision(revision).build();
            seen.add(queries.range(keyspace, one));
        }
        return seen;
    }

    private static List<String> history(ReadView view, int keyspace, long oldest) {
        List<String> changes = new ArrayList<>();
        view.scanHistory(
                keyspace,
                oldest,
                view.revision(keyspace),
                change ->
                        changes.add(
                                "%d %s %s was %s"
                                        .formatted(
                                                change.revision(),
                                                change.userKey().toStringUtf8(),
                                                Arrays.toString(change.record()),
                                                Arrays.toString(view.recordBefore(change)))));
        return changes;
    }

    private static String key(Random random) {
        return KEYS[random.nextInt(KEYS.length)];
    }

    private static Command deletion(int keyspace, Random random) {
        String end = random.nextBoolean() ? "" : key(random);
        return Command.newBuilder()
                .setKeyspace(keyspace)
                .setDeleteRange(Requests.delete(key(random), end))
                .build();
    }

    /// Puts two keys and deletes one in between; some put what they have deleted, some fail in the middle.
    private static TxnRequest randomTxn(Random random, long lease) {
        return Requests.success(
                Requests.op(put(key(random), lease)),
                Requests.del(key(random), "\0"),
                Requests.op(
                        put(key(random), random.nextInt(7) - 3).toBuilder()
                                .clearValue()
                                .setIgnoreValue(random.nextInt(3) == 0)
                                .build()));
    }

    private static Object essence(Outcome outcome) {
        return switch (outcome) {
            case Outcome.Refused(var refusal) -> refusal;
            case Outcome.Applied(LeaseRenewed renewed, _) -> renewed.getTtlsList();
            case Outcome.Applied(LeaseTicked ticked, _) ->
                    List.of(ticked.getCounted(), ticked.getMore());
            case Outcome.Applied(_, long revision) -> revision;
        };
    }

    private static void disturb(StoreDriver driver, Random random) throws IOException {
        switch (random.nextInt(30)) {
            case 0 -> driver.restart();
            case 1 -> driver.crash();
            case 2 -> driver.switchToCheckpoint();
            case 3, 4 -> driver.store().flush();
            default -> {}
        }
    }

    private void assertReplicaIsSame(StoreDriver driver) {
        try (StoreDriver replica = driver.replica(root.resolve("replica"))) {
            for (int keyspace = 1; keyspace <= 2; keyspace++) {
                int id = keyspace;
                assertThat(replica.<Object>read(q -> q.hashKv(id, 0)))
                        .isEqualTo(driver.read(q -> q.hashKv(id, 0)));
                assertThat(new LeaseStore(replica).ids(id))
                        .isEqualTo(new LeaseStore(driver).ids(id));
            }
            assertThat(new LeaseStore(replica).clock()).isEqualTo(new LeaseStore(driver).clock());
        }
    }
}
