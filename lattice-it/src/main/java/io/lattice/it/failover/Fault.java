package io.lattice.it.failover;

import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.DiskFaults;
import io.lattice.it.cluster.TestCluster;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/// What is done to the cluster in a round, named as the script that runs it. Each fault is healed before
/// it returns, and writes have to go on through every node that should take them.
enum Fault {
    KILL_LEADER {
        @Override
        String run(Round round) {
            int victim = round.cluster().awaitLeader();
            round.cluster().kill(victim);
            round.awaitWritesOn(round.others(victim));
            round.restart(victim);
            return "killed " + round.name(victim);
        }
    },
    KILL_FOLLOWER {
        @Override
        String run(Round round) {
            int victim = round.anyFollower();
            round.cluster().kill(victim);
            round.awaitWritesOn(round.others(victim));
            round.restart(victim);
            return "killed " + round.name(victim);
        }
    },
    KILL_ALL {
        @Override
        String run(Round round) {
            round.cluster().killAll();
            List<Integer> order = new ArrayList<>(round.all());
            Collections.shuffle(order, round.random());
            order.forEach(round.cluster()::startNode);
            order.forEach(round.cluster()::awaitReady);
            return "killed all, restarted " + order.stream().map(round::name).toList();
        }
    },
    PAUSE_LEADER {
        @Override
        String run(Round round) {
            int victim = round.cluster().awaitLeader();
            round.cluster().pause(victim);
            try {
                round.hold();
                round.awaitWritesOn(round.others(victim));
            } finally {
                round.cluster().resume(victim);
            }
            return "paused " + round.name(victim);
        }
    },
    PARTITION_LEADER {
        @Override
        String run(Round round) {
            int victim = round.cluster().awaitLeader();
            boolean reachable = round.random().nextInt(3) != 0;
            if (reachable) {
                round.cluster().network().cutFromPeers(victim);
            } else {
                round.cluster().network().cutFromAll(victim);
            }
            try {
                round.hold();
                round.awaitWritesOn(round.others(victim));
            } finally {
                round.cluster().network().heal();
            }
            return "cut %s off from %s"
                    .formatted(round.name(victim), reachable ? "its peers" : "everything");
        }
    },
    ROLLING_RESTART {
        @Override
        String run(Round round) {
            for (int i : round.all()) {
                round.cluster().terminate(i);
                round.awaitWritesOn(round.others(i));
                round.restart(i);
                round.awaitWritesOn(List.of(i));
            }
            return "restarted all, one after the other";
        }
    },
    WIPE_NODE {
        @Override
        String run(Round round) {
            int victim = round.random().nextInt(round.cluster().size());
            round.cluster().kill(victim);
            round.awaitWritesOn(round.others(victim));
            round.cluster().wipe(victim);
            round.restart(victim);
            return "wiped " + round.name(victim);
        }
    },
    FAIL_DISK {
        @Override
        String run(Round round) {
            int victim = round.cluster().awaitLeader();
            round.cluster().breakLogDisk(victim, DiskFaults.Mode.FAIL_ONCE);
            int exit = round.cluster().process(victim).awaitExit(Round.LIMIT);
            if (exit != LOST_DISK_STATUS) {
                throw new IllegalStateException(
                        "%s ended with status %d after a failed sync%n%s"
                                .formatted(round.name(victim), exit, round.cluster().logTails()));
            }
            round.awaitWritesOn(round.others(victim));
            round.restart(victim);
            return "failed a sync of " + round.name(victim);
        }
    },
    HANG_DISK {
        @Override
        String run(Round round) {
            int victim = round.cluster().awaitLeader();
            round.cluster().breakLogDisk(victim, DiskFaults.Mode.HANG);
            try {
                round.awaitWritesOn(round.others(victim), HUNG_DISK_LIMIT);
                round.hold();
                round.awaitWritesOn(round.others(victim));
            } finally {
                round.cluster().healDisks(victim);
            }
            return "hung the disk of " + round.name(victim);
        }
    };

    /// With this status a node ends itself when going on could lose what was acknowledged.
    private static final int LOST_DISK_STATUS = 70;

    /// A leader whose log isn't synced for 5 s hands over; the rest is an election and a slow machine.
    private static final Duration HUNG_DISK_LIMIT = Duration.ofSeconds(15);

    /// Does it, waits until it shows, and heals it.
    ///
    /// @return what was done to whom
    abstract String run(Round round);

    /// Whether the servers have to run with [DiskFaults].
    boolean isOfDisks() {
        return this == FAIL_DISK || this == HANG_DISK;
    }

    /// The script's name: kill-leader and so on.
    String title() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// The cluster in one round, with its workloads running.
    ///
    /// @param histories one for each tenant
    record Round(TestCluster cluster, List<History> histories, Random random) {
        static final Duration LIMIT = Duration.ofSeconds(60);
        private static final Duration HOLD = Duration.ofSeconds(4);
        private static final int WRITES = 40;

        List<Integer> all() {
            return IntStream.range(0, cluster.size()).boxed().toList();
        }

        List<Integer> others(int victim) {
            return all().stream().filter(i -> i != victim).toList();
        }

        String name(int index) {
            return cluster.node(index).name();
        }

        int anyFollower() {
            List<Integer> followers = others(cluster.awaitLeader());
            return followers.get(random.nextInt(followers.size()));
        }

        void restart(int index) {
            cluster.startNode(index);
            cluster.awaitReady(index);
        }

        /// Lets a fault last: longer than the election timeout of every server under test, so that a new
        /// leader stands while the old one does not know.
        void hold() {
            LockSupport.parkNanos(HOLD.toNanos());
        }

        /// Waits until each of these nodes has acknowledged a number of writes of each tenant from now on.
        void awaitWritesOn(List<Integer> nodes) {
            awaitWritesOn(nodes, LIMIT);
        }

        void awaitWritesOn(List<Integer> nodes, Duration limit) {
            for (int index : nodes) {
                String name = name(index);
                List<Long> goals =
                        histories.stream()
                                .map(history -> history.acknowledged(name) + WRITES)
                                .toList();
                for (int i = 0; i < histories.size(); i++) {
                    History history = histories.get(i);
                    long goal = goals.get(i);
                    Await.until(
                            "%s has acknowledged %d more writes%s"
                                    .formatted(
                                            name,
                                            WRITES,
                                            histories.size() == 1 ? "" : " in g" + (i + 1)),
                            limit,
                            () -> history.acknowledged(name) >= goal,
                            cluster::logTails);
                }
            }
        }
    }
}
