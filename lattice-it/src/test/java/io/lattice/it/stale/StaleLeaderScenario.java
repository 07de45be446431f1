package io.lattice.it.stale;

import io.lattice.it.cluster.Await;
import io.lattice.it.stale.ReplicatedRegister.Reads;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/// Makes a leader that has been superseded without knowing it, and reads from it. Every read begins after a later
/// leader has acknowledged a write, so an answer without that write is stale.
final class StaleLeaderScenario {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private static final Duration READING_AFTER_WAKING = Duration.ofMillis(500);
    private static final Duration READING_WHILE_CUT_OFF = Duration.ofSeconds(3);

    private final ReplicatedRegister register;
    private int round;

    StaleLeaderScenario(ReplicatedRegister register) {
        this.register = register;
    }

    /// The leader is stopped by SIGSTOP until another one has acknowledged a write, and goes on while reads wait for
    /// it.
    Reads pausedLeader() {
        int old = settledLeader();
        register.observe(old);
        register.pause(old);
        String written;
        long acknowledgedNanos;
        try {
            written = writeElsewhere(old);
            acknowledgedNanos = System.nanoTime();
        } finally {
            register.resume(old);
        }
        expose(READING_AFTER_WAKING);
        return register.observed(old, acknowledgedNanos, written);
    }

    /// The leader is cut off from its peers, but not from its clients, who go on writing and reading.
    Reads cutOffLeader() {
        int old = settledLeader();
        register.observe(old);
        register.network().cutFromPeers(old);
        String written;
        long acknowledgedNanos;
        try {
            register.flood(old, READING_WHILE_CUT_OFF.multipliedBy(2));
            written = writeElsewhere(old);
            acknowledgedNanos = System.nanoTime();
            expose(READING_WHILE_CUT_OFF);
        } finally {
            register.network().heal();
        }
        return register.observed(old, acknowledgedNanos, written);
    }

    /// Lets the old leader answer for a while.
    private static void expose(Duration howLong) {
        LockSupport.parkNanos(howLong.toNanos());
    }

    /// The leader of a healthy cluster that has served a write and a read.
    private int settledLeader() {
        round++;
        int[] leader = {-1};
        String value = "before-" + round;
        Await.until(
                "a leader serves a write and all nodes read it",
                LIMIT,
                () -> {
                    leader[0] = leaderAmong(IntStream.range(0, ReplicatedRegister.NODES));
                    return leader[0] >= 0
                            && register.write(leader[0], value)
                            && register.read(leader[0]).equals(Optional.of(value))
                            && register.leads(leader[0]);
                },
                register::logTails);
        return leader[0];
    }

    private String writeElsewhere(int old) {
        String value = "after-" + round;
        Await.until(
                "another leader acknowledges a write",
                LIMIT,
                () -> {
                    int leader =
                            leaderAmong(
                                    IntStream.range(0, ReplicatedRegister.NODES)
                                            .filter(i -> i != old));
                    return leader >= 0 && register.write(leader, value);
                },
                register::logTails);
        return value;
    }

    private int leaderAmong(IntStream nodes) {
        return nodes.filter(register::leads).findFirst().orElse(-1);
    }
}
