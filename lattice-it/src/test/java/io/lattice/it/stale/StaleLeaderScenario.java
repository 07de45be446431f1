package io.lattice.it.stale;

import io.lattice.it.cluster.Await;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/// Makes a leader that has been superseded without knowing it, and reads from it. Every read begins after a later
/// leader has acknowledged a write, so an answer without that write is stale.
final class StaleLeaderScenario {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    /// Reads that wait in a paused leader's sockets when it wakes up.
    private static final int READS_BEFORE_WAKING = 20;

    private static final Duration READING_AFTER_WAKING = Duration.ofMillis(500);
    private static final Duration READING_WHILE_CUT_OFF = Duration.ofSeconds(3);
    private static final long READ_PAUSE_NANOS = Duration.ofMillis(5).toNanos();

    private final ReplicatedRegister register;
    private int round;

    StaleLeaderScenario(ReplicatedRegister register) {
        this.register = register;
    }

    /// What became of the reads of one round.
    ///
    /// @param stale answered without the write that was acknowledged before they began
    /// @param current answered with it
    /// @param failed not answered
    record Reads(int stale, int current, int failed) {
        static final Reads NONE = new Reads(0, 0, 0);

        Reads plus(Reads other) {
            return new Reads(stale + other.stale, current + other.current, failed + other.failed);
        }
    }

    /// The leader is stopped by SIGSTOP until another one has acknowledged a write, and goes on while reads wait for
    /// it.
    Reads pausedLeader() {
        int old = settledLeader();
        register.pause(old);
        List<CompletableFuture<Optional<String>>> reads = new ArrayList<>();
        String written;
        try {
            written = writeElsewhere(old);
            for (int i = 0; i < READS_BEFORE_WAKING; i++) {
                reads.add(register.read(old));
            }
        } finally {
            register.resume(old);
        }
        readFor(READING_AFTER_WAKING, old, reads);
        return count(reads, written);
    }

    /// The leader is cut off from its peers, but not from its clients, who go on writing and reading.
    Reads cutOffLeader() {
        int old = settledLeader();
        register.flood(old, READING_WHILE_CUT_OFF.multipliedBy(2));
        register.network().cutFromPeers(old);
        List<CompletableFuture<Optional<String>>> reads = new ArrayList<>();
        String written;
        try {
            written = writeElsewhere(old);
            readFor(READING_WHILE_CUT_OFF, old, reads);
        } finally {
            register.network().heal();
        }
        return count(reads, written);
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
                            && register.read(leader[0]).join().equals(Optional.of(value))
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

    /// Begins a read every few milliseconds.
    private void readFor(
            Duration howLong, int node, List<CompletableFuture<Optional<String>>> reads) {
        long end = System.nanoTime() + howLong.toNanos();
        while (System.nanoTime() - end < 0) {
            reads.add(register.read(node));
            LockSupport.parkNanos(READ_PAUSE_NANOS);
        }
    }

    private static Reads count(List<CompletableFuture<Optional<String>>> reads, String written) {
        int stale = 0;
        int current = 0;
        int failed = 0;
        for (CompletableFuture<Optional<String>> read : reads) {
            Optional<String> value = read.join();
            if (value.isEmpty()) {
                failed++;
            } else if (value.get().equals(written)) {
                current++;
            } else {
                stale++;
            }
        }
        return new Reads(stale, current, failed);
    }
}
