package io.lattice.statemachine.apply;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Message;
import io.lattice.proto.command.Command;
import io.lattice.proto.etcdserverpb.HashKVResponse;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeRequest.SortTarget;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.statemachine.query.QueryExecutor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Random histories, checked step by step against [ReferenceKeyspace]. `-Dmodel.seed=N` replays one seed,
/// `-Dmodel.seeds=N` runs that many.
final class ModelTest {
    private static final int STEPS = 150;

    @TempDir Path root;

    private final Map<Integer, ReferenceKeyspace> model = new TreeMap<>();

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
        RandomRequests requests = new RandomRequests(random);
        model.put(1, new ReferenceKeyspace());
        model.put(2, new ReferenceKeyspace());

        try (StoreDriver driver = StoreDriver.create(root)) {
            for (int step = 0; step < STEPS; step++) {
                applyRandomEntry(driver, random, requests);
                for (int keyspace : model.keySet()) {
                    checkReads(driver, random, requests, keyspace);
                }
                disturb(driver, random);
            }
        }
    }

    private void applyRandomEntry(StoreDriver driver, Random random, RandomRequests requests) {
        List<Command> commands = new ArrayList<>();
        List<Object> expected = new ArrayList<>();
        for (int i = random.nextInt(random.nextInt(8) + 1); i >= 0; i--) {
            int keyspace = random.nextInt(5) == 0 ? 2 : 1;
            ReferenceKeyspace reference = reference(keyspace);
            Command command = requests.command(keyspace, reference.revision());
            commands.add(command);
            expected.add(
                    answer(() ->
                            switch (command.getOperationCase()) {
                                case PUT -> reference.put(command.getPut());
                                case DELETE_RANGE -> reference.delete(command.getDeleteRange());
                                case TXN -> reference.txn(command.getTxn());
                                case COMPACT -> reference.compact(command.getCompact());
                                default -> throw new IllegalStateException();
                            }));
        }

        List<Outcome> outcomes = driver.apply(commands);

        for (int i = 0; i < commands.size(); i++) {
            assertThat(answer(outcomes.get(i)))
                    .as("command %d: %s", i, commands.get(i))
                    .isEqualTo(expected.get(i));
        }
    }

    private void checkReads(
            StoreDriver driver, Random random, RandomRequests requests, int keyspace) {
        ReferenceKeyspace reference = reference(keyspace);
        for (int i = 0; i < 4; i++) {
            RangeRequest range = requests.range(reference.revision());
            assertThat(answer(() -> driver.read(query -> query.range(keyspace, range))))
                    .as("%s", range)
                    .isEqualTo(answer(() -> reference.range(range)));
            if (RequestChecks.checkStream(range) == null
                    && range.getSortTarget() == SortTarget.KEY) {
                assertThat(answer(() -> driver.read(query -> gather(query, keyspace, range))))
                        .as("stream of %s", range)
                        .isEqualTo(answer(() -> reference.range(range)));
            }
        }
        TxnRequest txn = requests.readOnlyTxn(reference.revision());
        assertThat(answer(() -> driver.read(query -> query.readOnlyTxn(keyspace, txn))))
                .as("%s", txn)
                .isEqualTo(answer(() -> reference.txn(txn)));
        long oldest = Math.max(1, reference.compacted());
        long at = oldest + random.nextLong(reference.revision() - oldest + 1);
        HashKVResponse hash = driver.read(query -> query.hashKv(keyspace, at));
        assertThat(hash.getHash()).as("hash at %d", at).isEqualTo(reference.hash(at));
        assertThat(hash.getCompactRevision()).isEqualTo(reference.compacted());
    }

    /// Restarts, crashes, checkpoints, finished compactions: none may be noticed.
    private void disturb(StoreDriver driver, Random random) throws IOException {
        switch (random.nextInt(40)) {
            case 0 -> driver.restart();
            case 1 -> driver.crash();
            case 2 -> driver.switchToCheckpoint();
            case 3, 4 -> driver.store().flush();
            case 5, 6, 7 -> driver.store().compacted(1, reference(1).compacted()).join();
            default -> {}
        }
    }

    private static RangeResponse gather(QueryExecutor query, int keyspace, RangeRequest range) {
        RangeResponse.Builder all = RangeResponse.newBuilder();
        Iterator<RangeResponse> chunks = query.rangeStream(keyspace, range, 40);
        while (chunks.hasNext()) {
            all.mergeFrom(chunks.next());
        }
        return all.build();
    }

    private ReferenceKeyspace reference(int keyspace) {
        return model.computeIfAbsent(keyspace, id -> new ReferenceKeyspace());
    }

    private static Object answer(Outcome outcome) {
        return switch (outcome) {
            case Outcome.Applied(var response, _) -> response;
            case Outcome.Refused(var refusal) -> refusal;
        };
    }

    /// A response message, or the refusal instead.
    private static Object answer(Supplier<? extends Message> asking) {
        try {
            return asking.get();
        } catch (ReferenceKeyspace.Refused e) {
            return e.refusal;
        } catch (RefusalException e) {
            return e.refusal();
        }
    }
}
