package io.lattice.it.stale;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.cluster.LoopbackNetwork;
import io.lattice.it.cluster.NamespaceNetwork;
import io.lattice.it.cluster.Tools;
import io.lattice.it.stale.ReplicatedRegister.Reads;
import java.nio.file.Path;
import java.util.function.Function;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/// `-Dlattice.stale.rounds=N` sets how many rounds Lattice has to hold. Ratis gets as many as it takes to see it
/// fail, up to a bound. The cut-off cases need root and the program `ip`.
class StaleLeaderTest {
    private static final int ROUNDS = Integer.getInteger("lattice.stale.rounds", 4);
    private static final int RATIS_ROUNDS_MAX = 20;
    private static final int RATIS_ROUNDS_OF_A_CLUSTER = 4;

    private static final long ELECTION_MIN_MS = 300;
    private static final long ELECTION_MAX_MS = 600;

    /// An old leader that is cut off steps down after this time: long, so that a new one stands before.
    private static final long LONG_ELECTION_MAX_MS = 4_000;

    private static final int NETWORK_OF_LATTICE = 71;
    private static final int NETWORK_OF_RATIS = 72;

    private static Path directory(String name) {
        return Tools.root().resolve("lattice-it/target/it/StaleLeaderTest").resolve(name);
    }

    private static Reads rounds(
            ReplicatedRegister register, Function<StaleLeaderScenario, Reads> round) {
        StaleLeaderScenario scenario = new StaleLeaderScenario(register);
        Reads all = Reads.NONE;
        for (int i = 0; i < ROUNDS; i++) {
            all = all.plus(round.apply(scenario));
        }
        System.out.printf("Lattice, %d rounds: %s%n", ROUNDS, all);
        return all;
    }

    /// Until one read was stale. What former rounds leave behind, terms and writes that nobody answered, can make each further one
    /// go the same way, so a new cluster is tried after a few.
    private static Reads roundsUntilStale(
            Supplier<ReplicatedRegister> fresh, Function<StaleLeaderScenario, Reads> round) {
        Reads all = Reads.NONE;
        int done = 0;
        while (all.stale() == 0 && done < RATIS_ROUNDS_MAX) {
            try (ReplicatedRegister register = fresh.get()) {
                StaleLeaderScenario scenario = new StaleLeaderScenario(register);
                for (int i = 0; i < RATIS_ROUNDS_OF_A_CLUSTER && all.stale() == 0; i++) {
                    all = all.plus(round.apply(scenario));
                    done++;
                }
            }
        }
        System.out.printf("Ratis' own read, %d rounds: %s%n", done, all);
        return all;
    }

    @Test
    void aLeaderThatWasPausedNeverServesAStaleRead() {
        try (ReplicatedRegister register =
                new LatticeRegister(
                        directory("lattice-paused"),
                        new LoopbackNetwork(),
                        ELECTION_MIN_MS,
                        ELECTION_MAX_MS)) {
            Reads reads = rounds(register, StaleLeaderScenario::pausedLeader);

            assertThat(reads.stale()).isZero();
            assertThat(reads.current()).isPositive();
        }
    }

    @Test
    void ratisOwnReadIsStaleAtALeaderThatWasPaused() {
        Reads reads =
                roundsUntilStale(
                        () ->
                                new RatisRegister(
                                        directory("ratis-paused"),
                                        new LoopbackNetwork(),
                                        ELECTION_MIN_MS,
                                        ELECTION_MAX_MS),
                        StaleLeaderScenario::pausedLeader);

        assertThat(reads.stale()).isPositive();
    }

    @Test
    void aLeaderThatIsCutOffNeverServesAStaleRead() {
        try (ReplicatedRegister register =
                new LatticeRegister(
                        directory("lattice-cut-off"),
                        NamespaceNetwork.create(NETWORK_OF_LATTICE, ReplicatedRegister.NODES),
                        ELECTION_MIN_MS,
                        LONG_ELECTION_MAX_MS)) {
            Reads reads = rounds(register, StaleLeaderScenario::cutOffLeader);

            assertThat(reads.stale()).isZero();
            assertThat(reads.failed()).as("nobody could confirm the old leader").isPositive();
        }
    }

    @Test
    void ratisOwnReadIsStaleAtALeaderThatIsCutOff() {
        Reads reads =
                roundsUntilStale(
                        () ->
                                new RatisRegister(
                                        directory("ratis-cut-off"),
                                        NamespaceNetwork.create(
                                                NETWORK_OF_RATIS, ReplicatedRegister.NODES),
                                        ELECTION_MIN_MS,
                                        LONG_ELECTION_MAX_MS),
                        StaleLeaderScenario::cutOffLeader);

        assertThat(reads.stale()).isPositive();
    }
}
