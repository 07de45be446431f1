package io.lattice.statemachine.apply;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.command.Command;
import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.query.QueryExecutor;
import io.lattice.statemachine.storage.StoreOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Replicas that got the same commands are the same, however these were batched, whatever the cache knew, and whenever they
/// compacted.
final class ReplicaTest {
    private static final int COMMANDS = 600;

    @TempDir Path root;

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void batchingMakesNoDifference(long seed) {
        List<Command> commands = randomCommands(seed);
        Random random = new Random(seed);
        List<Outcome> expected = new ArrayList<>();
        List<Outcome> found = new ArrayList<>();

        try (StateStore one = open("one", 16);
                StateStore other = open("other", 1 << 12)) {
            for (int i = 0; i < COMMANDS; i++) {
                expected.addAll(apply(one, i, List.of(commands.get(i))));
            }
            int next = 0;
            while (next < COMMANDS) {
                int end = Math.min(COMMANDS, next + 1 + random.nextInt(40));
                found.addAll(apply(other, next, commands.subList(next, end)));
                next = end;
                if (random.nextInt(10) == 0) {
                    other.flush();
                }
            }

            assertThat(found).isEqualTo(expected);
            for (int keyspace = 1; keyspace <= 2; keyspace++) {
                assertSameHashes(one, other, keyspace);
            }
        }
    }

    private static void assertSameHashes(StateStore one, StateStore other, int keyspace) {
        try (ReadView oneView = one.view();
                ReadView otherView = other.view()) {
            long oldest = Math.max(1, oneView.compactRevision(keyspace));
            for (long at = oldest; at <= oneView.revision(keyspace); at++) {
                assertThat(new QueryExecutor(otherView).hashKv(keyspace, at))
                        .isEqualTo(new QueryExecutor(oneView).hashKv(keyspace, at));
            }
        }
    }

    private static List<Command> randomCommands(long seed) {
        Random random = new Random(seed);
        RandomRequests requests = new RandomRequests(random);
        List<Command> commands = new ArrayList<>();
        for (int i = 0; i < COMMANDS; i++) {
            commands.add(requests.command(1 + random.nextInt(2), 1 + i / 4));
        }
        return commands;
    }

    private StateStore open(String name, int cacheEntries) {
        return StateStore.open(
                root.resolve(name),
                new StoreOptions(8 << 20, 8 << 20, 1 << 20, cacheEntries, 2, 64));
    }

    private static List<Outcome> apply(StateStore store, int index, List<Command> commands) {
        CommandBatch batch =
                CommandBatch.newBuilder()
                        .addProposals(Proposal.newBuilder().addAllCommands(commands))
                        .build();
        return store.apply(new LogPosition(1, index), batch, origin -> true).getFirst();
    }
}
