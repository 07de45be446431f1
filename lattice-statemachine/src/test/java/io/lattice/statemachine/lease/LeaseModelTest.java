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
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.apply.Requests;
import io.lattice.statemachine.apply.StoreDriver;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
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
        // Leases have few keys here, so that with these limits most revokes are drains.
        DrainLimits limits = new DrainLimits(1 + random.nextInt(3), 1 + random.nextInt(2));

        try (StoreDriver driver = StoreDriver.create(root, limits)) {
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
                driver.disturb(random, 30);
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
            switch (random.nextInt(12)) {
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
