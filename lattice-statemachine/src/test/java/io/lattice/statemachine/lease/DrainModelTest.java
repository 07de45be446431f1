package io.lattice.statemachine.lease;

import static io.lattice.statemachine.lease.LeaseStore.grant;
import static io.lattice.statemachine.lease.LeaseStore.renew;
import static io.lattice.statemachine.lease.LeaseStore.revoke;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.proto.command.Command;
import io.lattice.proto.command.LeaseTicked;
import io.lattice.proto.etcdserverpb.AlarmRequest;
import io.lattice.proto.etcdserverpb.AlarmType;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.apply.Refusal;
import io.lattice.statemachine.apply.RefusalException;
import io.lattice.statemachine.apply.StoreDriver;
import io.lattice.statemachine.mvcc.Change;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.query.QueryExecutor;
import io.lattice.statemachine.storage.Cursor;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A store that drains nearly every revoked lease against one that drains none: all answers, all that readers may ask in
/// between, and in the end every byte of the store must be the same. Transactions are of every kind, keys and lease ids are
/// those at the edges. `-Dmodel.seed=N` replays one seed, `-Dmodel.seeds=N` runs that many.
final class DrainModelTest {
    private static final int STEPS = 120;
    private static final int REVISIONS_SEEN = 8;
    private static final long[] LEASES = {1, 2, -1, Long.MIN_VALUE};
    private static final List<ByteString> KEYS =
            List.of(
                    bytes(0),
                    bytes(0, 0),
                    bytes('a'),
                    bytes('a', 0),
                    bytes('a', 0, 0),
                    bytes('a', 0, 0xff),
                    bytes('a', 1),
                    bytes('a', 'b'),
                    bytes('b'),
                    bytes('c'),
                    bytes('c', 0),
                    bytes('d'),
                    bytes('e'),
                    bytes('f', 'g'),
                    bytes('f', 'h'),
                    bytes('h'),
                    bytes(0xff),
                    bytes(0xff, 0xff));
    private static final List<ByteString> ENDS =
            List.of(ByteString.EMPTY, bytes(0), bytes(0, 0), bytes('b'), bytes('d'), bytes(0xff));

    private static final Command NOTHING =
            Command.newBuilder().setKeyspace(1).setAlarm(AlarmRequest.getDefaultInstance()).build();

    @TempDir Path root;

    private int drained;

    static LongStream seeds() {
        Long single = Long.getLong("model.seed");
        return single != null
                ? LongStream.of(single)
                : LongStream.range(0, Long.getLong("model.seeds", 12));
    }

    private static ByteString bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return ByteString.copyFrom(bytes);
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void drainingMakesNoDifference(long seed) throws Exception {
        Random random = new Random(seed);
        DrainLimits limits = new DrainLimits(1 + random.nextInt(2), 1 + random.nextInt(2));
        try (StoreDriver driver = StoreDriver.create(root, limits);
                StoreDriver plain = StoreDriver.create(root.resolve("plain"))) {
            LeaseStore store = new LeaseStore(plain);
            for (int step = 0; step < STEPS; step++) {
                List<Command> commands = randomCommands(random, store);

                assertThat(essences(driver.apply(commands)))
                        .as("step %d: %s", step, commands)
                        .isEqualTo(essences(plain.apply(commands)));

                assertReadersSeeTheSame(driver, plain, random);
                driver.disturb(random, 40);
            }
            assertThat(drained).isPositive();
            try (StoreDriver replica = driver.replica(root.resolve("replica"))) {
                assertThat(contents(replica)).isEqualTo(contents(driver));
            }
            plain.apply(NOTHING);
            while (driver.isDraining()) {
                Command tick = store.tick(0, 1);
                driver.apply(tick);
                plain.apply(tick);
            }
            assertThat(contents(driver)).isEqualTo(contents(plain));
        }
    }

    private static List<Object> essences(List<Outcome> outcomes) {
        List<Object> essences = new ArrayList<>();
        for (Outcome outcome : outcomes) {
            essences.add(
                    outcome instanceof Outcome.Applied(LeaseTicked ticked, _)
                            ? ticked.toBuilder().clearDraining().build()
                            : outcome);
        }
        return essences;
    }

    private static List<Command> randomCommands(Random random, LeaseStore store) {
        List<Command> commands = new ArrayList<>();
        long ticks = store.clock().ticks();
        for (int i = random.nextInt(random.nextInt(6) + 1); i >= 0; i--) {
            int keyspace = 1 + random.nextInt(2);
            Command.Builder command = Command.newBuilder().setKeyspace(keyspace);
            long revision = store.revision(keyspace);
            switch (random.nextInt(26)) {
                case 0, 1, 2, 21 ->
                        commands.add(grant(keyspace, lease(random), 1 + random.nextInt(9)));
                case 3, 4 -> commands.add(revoke(keyspace, lease(random)));
                case 5 -> commands.add(renew(keyspace, lease(random), lease(random)));
                case 23, 24, 25 -> fill(keyspace, random, commands);
                case 6, 7, 8, 9, 10, 22 -> commands.add(command.setPut(randomPut(random)).build());
                case 11 -> commands.add(command.setDeleteRange(randomDelete(random)).build());
                case 12, 13, 14 ->
                        commands.add(command.setTxn(randomTxn(random, revision, 2)).build());
                case 15 -> {
                    if (random.nextInt(3) == 0) {
                        long at = Math.max(1, revision + 2 - random.nextInt(12));
                        commands.add(
                                command.setCompact(CompactionRequest.newBuilder().setRevision(at))
                                        .build());
                    }
                }
                case 16 -> {
                    boolean activate = random.nextInt(4) == 0;
                    commands.add(command.setAlarm(alarm(AlarmType.NOSPACE, activate)).build());
                    commands.add(command.setAlarm(alarm(AlarmType.CORRUPT, false)).build());
                    if (activate && random.nextInt(3) == 0) {
                        commands.add(command.setAlarm(alarm(AlarmType.CORRUPT, true)).build());
                    }
                }
                default ->
                        commands.add(
                                LeaseStore.tick(
                                        store.term(),
                                        ++ticks,
                                        random.nextInt(1_000),
                                        1 + random.nextInt(9)));
            }
        }
        return commands;
    }

    /// Gives a lease many keys.
    private static void fill(int keyspace, Random random, List<Command> commands) {
        long lease = lease(random);
        commands.add(grant(keyspace, lease, 1 + random.nextInt(9)));
        for (int i = random.nextInt(6); i >= 0; i--) {
            commands.add(
                    Command.newBuilder()
                            .setKeyspace(keyspace)
                            .setPut(PutRequest.newBuilder().setKey(key(random)).setLease(lease))
                            .build());
        }
    }

    private static AlarmRequest alarm(AlarmType type, boolean activate) {
        return AlarmRequest.newBuilder()
                .setAction(
                        activate
                                ? AlarmRequest.AlarmAction.ACTIVATE
                                : AlarmRequest.AlarmAction.DEACTIVATE)
                .setAlarm(type)
                .build();
    }

    private static long lease(Random random) {
        return LEASES[random.nextInt(LEASES.length)];
    }

    private static ByteString key(Random random) {
        return KEYS.get(random.nextInt(KEYS.size()));
    }

    private static ByteString end(Random random) {
        return random.nextInt(4) == 0
                ? ENDS.get(random.nextInt(ENDS.size()))
                : random.nextBoolean() ? ByteString.EMPTY : key(random);
    }

    private static PutRequest randomPut(Random random) {
        PutRequest.Builder put =
                PutRequest.newBuilder().setKey(key(random)).setPrevKv(random.nextInt(3) == 0);
        if (random.nextInt(6) == 0) {
            put.setIgnoreLease(true);
        } else if (random.nextInt(5) != 0) {
            put.setLease(lease(random));
        }
        if (random.nextInt(6) == 0) {
            put.setIgnoreValue(true);
        } else {
            put.setValue(ByteString.copyFromUtf8("v" + random.nextInt(4)));
        }
        return put.build();
    }

    private static DeleteRangeRequest randomDelete(Random random) {
        return DeleteRangeRequest.newBuilder()
                .setKey(key(random))
                .setRangeEnd(end(random))
                .setPrevKv(random.nextBoolean())
                .build();
    }

    private static RangeRequest randomRange(Random random, long revision) {
        RangeRequest.Builder range =
                RangeRequest.newBuilder()
                        .setKey(key(random))
                        .setRangeEnd(end(random))
                        .setCountOnly(random.nextInt(5) == 0)
                        .setKeysOnly(random.nextInt(5) == 0)
                        .setLimit(random.nextInt(3));
        if (random.nextBoolean()) {
            range.setRevision(Math.max(0, revision + 1 - random.nextInt(8)));
        }
        return range.build();
    }

    private static Compare randomCompare(Random random, long revision) {
        Compare.Builder compare =
                Compare.newBuilder()
                        .setKey(key(random))
                        .setRangeEnd(end(random))
                        .setResultValue(random.nextInt(4));
        long number = random.nextInt(3);
        switch (random.nextInt(5)) {
            case 0 -> compare.setTarget(Compare.CompareTarget.VERSION).setVersion(number);
            case 1 -> compare.setTarget(Compare.CompareTarget.CREATE).setCreateRevision(number);
            case 2 ->
                    compare.setTarget(Compare.CompareTarget.MOD)
                            .setModRevision(revision - 3 * number);
            case 3 -> compare.setTarget(Compare.CompareTarget.LEASE).setLease(lease(random));
            default ->
                    compare.setTarget(Compare.CompareTarget.VALUE)
                            .setValue(ByteString.copyFromUtf8("v" + number));
        }
        return compare.build();
    }

    private static TxnRequest randomTxn(Random random, long revision, int depth) {
        TxnRequest.Builder txn = TxnRequest.newBuilder();
        for (int i = random.nextInt(3); i > 0; i--) {
            txn.addCompare(randomCompare(random, revision));
        }
        for (int i = random.nextInt(3); i >= 0; i--) {
            txn.addSuccess(randomOp(random, revision, depth));
            txn.addFailure(randomOp(random, revision, depth));
        }
        return txn.build();
    }

    private static RequestOp randomOp(Random random, long revision, int depth) {
        RequestOp.Builder op = RequestOp.newBuilder();
        return switch (random.nextInt(depth > 0 ? 6 : 5)) {
            case 0, 1 -> op.setRequestPut(randomPut(random)).build();
            case 2 -> op.setRequestDeleteRange(randomDelete(random)).build();
            case 3, 4 -> op.setRequestRange(randomRange(random, revision)).build();
            default -> op.setRequestTxn(randomTxn(random, revision, depth - 1)).build();
        };
    }

    private void assertReadersSeeTheSame(StoreDriver driver, StoreDriver plain, Random random) {
        try (ReadView actual = driver.store().view();
                ReadView expected = plain.store().view()) {
            drained += actual.isDraining() ? 1 : 0;
            for (int keyspace = 1; keyspace <= 2; keyspace++) {
                long revision = expected.revision(keyspace);
                long compacted = expected.compactRevision(keyspace);
                assertThat(actual.revision(keyspace)).isEqualTo(revision);
                assertThat(actual.compactRevision(keyspace)).isEqualTo(compacted);
                long first = Math.max(revision - REVISIONS_SEEN, compacted + 1);
                long from = Math.max(0, first + random.nextInt(4));
                long to = Math.max(from, revision - random.nextInt(3));
                assertThat(history(actual, keyspace, from, to))
                        .isEqualTo(history(expected, keyspace, from, to));
                for (long lease : LEASES) {
                    assertThat(new LeaseReader(actual, keyspace).keys(lease))
                            .isEqualTo(new LeaseReader(expected, keyspace).keys(lease));
                }
                assertAnswersAreTheSame(actual, expected, keyspace, random);
            }
        }
    }

    private static void assertAnswersAreTheSame(
            ReadView actual, ReadView expected, int keyspace, Random random) {
        QueryExecutor actually = new QueryExecutor(actual);
        QueryExecutor expectedly = new QueryExecutor(expected);
        long revision = expected.revision(keyspace);
        long lowest = Math.max(1, Math.max(expected.compactRevision(keyspace), revision - 5));
        RangeRequest all = RangeRequest.newBuilder().setKey(bytes(0)).setRangeEnd(bytes(0)).build();
        for (long at = lowest; at <= revision; at++) {
            RangeRequest allAt = all.toBuilder().setRevision(at).build();
            assertThat(actually.range(keyspace, allAt))
                    .isEqualTo(expectedly.range(keyspace, allAt));
            assertThat(actually.hashKv(keyspace, at)).isEqualTo(expectedly.hashKv(keyspace, at));
        }
        for (int i = 0; i < 6; i++) {
            RangeRequest range = randomRange(random, revision);
            if (range.getRevision() > revision
                    || (range.getRevision() > 0
                            && range.getRevision() < expected.compactRevision(keyspace))) {
                continue;
            }
            RangeRequest sorted =
                    range.toBuilder()
                            .setSortOrderValue(random.nextInt(3))
                            .setSortTargetValue(random.nextInt(5))
                            .setMinModRevision(random.nextInt(3) == 0 ? revision - 5 : 0)
                            .build();
            assertThat(actually.range(keyspace, sorted))
                    .as("%s", sorted)
                    .isEqualTo(expectedly.range(keyspace, sorted));
            assertThat(chunks(actually, keyspace, range))
                    .as("%s", range)
                    .isEqualTo(chunks(expectedly, keyspace, range));
        }
        TxnRequest txn =
                TxnRequest.newBuilder()
                        .addCompare(randomCompare(random, revision))
                        .addCompare(randomCompare(random, revision))
                        .addSuccess(RequestOp.newBuilder().setRequestRange(all))
                        .addFailure(
                                RequestOp.newBuilder()
                                        .setRequestRange(randomRange(random, revision)))
                        .build();
        assertThat(readOnly(actually, keyspace, txn))
                .as("%s", txn)
                .isEqualTo(readOnly(expectedly, keyspace, txn));
    }

    private static Object readOnly(QueryExecutor queries, int keyspace, TxnRequest txn) {
        try {
            return queries.readOnlyTxn(keyspace, txn);
        } catch (RefusalException e) {
            Refusal refusal = e.refusal();
            return refusal;
        }
    }

    private static List<RangeResponse> chunks(
            QueryExecutor queries, int keyspace, RangeRequest range) {
        List<RangeResponse> chunks = new ArrayList<>();
        Iterator<RangeResponse> all = queries.rangeStream(keyspace, range, 10);
        all.forEachRemaining(chunks::add);
        return chunks;
    }

    private static List<String> history(ReadView view, int keyspace, long from, long to) {
        List<String> changes = new ArrayList<>();
        view.scanHistory(keyspace, from, to, change -> changes.add(describe(view, change)));
        view.scanChanges(
                keyspace,
                from,
                to,
                (revision, key, record) ->
                        changes.add(
                                revision + " " + Arrays.toString(key) + Arrays.toString(record)));
        return changes;
    }

    private static String describe(ReadView view, Change change) {
        return "%d %s %s was %s (%s)"
                .formatted(
                        change.revision(),
                        Arrays.toString(change.key()),
                        Arrays.toString(change.record()),
                        Arrays.toString(view.recordBefore(change)),
                        change.isCreation());
    }

    /// All that is stored, once what compactions freed is gone.
    private static List<String> contents(StoreDriver driver) throws Exception {
        List<String> contents = new ArrayList<>();
        for (int keyspace = 1; keyspace <= 2; keyspace++) {
            long compacted;
            try (ReadView view = driver.store().view()) {
                compacted = view.compactRevision(keyspace);
            }
            if (compacted >= 0) {
                driver.store().compacted(keyspace, compacted).get();
            }
        }
        // For a view that shows it.
        driver.apply(NOTHING);
        try (ReadView view = driver.store().view()) {
            for (Family family : Family.values()) {
                try (Cursor all =
                        view.stored().cursor(family, new byte[0], KeyCodec.keyspaceStart(-1))) {
                    while (all.valid()) {
                        contents.add(
                                family
                                        + " "
                                        + Arrays.toString(all.key())
                                        + " "
                                        + Arrays.toString(all.value()));
                        all.next();
                    }
                }
            }
        }
        return contents;
    }
}
