package io.lattice.gateway.raft;

import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Spreads the leadership of groups over the nodes: a node that leads two groups or more beyond what another voter of one of them
/// leads hands that one over to it, one group at a time, once that voter has kept up for 10 s. Each hand-over makes the nodes'
/// numbers more equal, so they come to an end.
///
/// Runs on the Raft ticker.
final class LeaderSpread {
    private static final Logger LOG = LoggerFactory.getLogger(LeaderSpread.class);

    /// Between two hand-overs of one node, and a random part more, so that two nodes rarely choose the same one at once.
    static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(5);

    private static final long JITTER_NANOS = TimeUnit.SECONDS.toNanos(2);

    /// For the other nodes' answers.
    static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(1);

    /// A hand-over that failed kept writers waiting, so the same isn't tried at once.
    static final long FAILED_NANOS = TimeUnit.MINUTES.toNanos(1);

    /// So long a voter has to have kept up without a break: to hand over to one that has just come back keeps writers waiting.
    static final long STEADY_NANOS = TimeUnit.SECONDS.toNanos(10);

    /// Between two looks at who keeps up.
    static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    /// A group as its leader sees it.
    interface Led {
        /// The voters that could lead it, by their Raft identities, this node not among them.
        Collection<String> candidates();

        /// Asks a voter how many groups it leads; empty if it doesn't answer or wouldn't lead more.
        void askLoad(String raftId, Consumer<OptionalInt> callback);

        /// Hands it over.
        CompletableFuture<Boolean> moveTo(String raftId);
    }

    /// What to hand over.
    record Move(Led group, String to) {}

    /// A voter of a group that this node leads.
    private record Voter(Led group, String node) {}

    private final long jitterNanos;
    private long nextNanos;
    private @Nullable Round round;
    private final Map<Led, Long> failedNanos = new ConcurrentHashMap<>();

    /// Since when voters have kept up in the groups that this node leads.
    private final Map<Voter, Long> steadySince = new HashMap<>();

    private long lookNanos;

    /// What was asked, and what was answered so far.
    private static final class Round {
        private final long sinceNanos;
        private final Set<String> asked = new HashSet<>();
        private final Map<String, OptionalInt> answers = new ConcurrentHashMap<>();

        Round(long sinceNanos) {
            this.sinceNanos = sinceNanos;
        }
    }

    LeaderSpread(long nowNanos) {
        this(nowNanos, JITTER_NANOS);
    }

    LeaderSpread(long nowNanos, long jitterNanos) {
        this.jitterNanos = jitterNanos;
        this.lookNanos = nowNanos;
        pause(nowNanos);
    }

    private void pause(long nowNanos) {
        nextNanos =
                nowNanos
                        + PAUSE_NANOS
                        + (jitterNanos == 0
                                ? 0
                                : ThreadLocalRandom.current().nextLong(jitterNanos));
    }

    /// Called regularly.
    ///
    /// @param led the groups that this node leads
    void tick(long nowNanos, List<? extends Led> led) {
        if (nowNanos - lookNanos >= 0) {
            lookNanos = nowNanos + LOOK_NANOS;
            look(nowNanos, led);
        }
        if (nowNanos - nextNanos < 0) {
            return;
        }
        Round asking = round;
        if (asking == null) {
            if (led.size() < 2) {
                pause(nowNanos);
            } else {
                round = ask(nowNanos, led);
            }
            return;
        }
        if (asking.answers.size() < asking.asked.size()
                && nowNanos - asking.sinceNanos < PATIENCE_NANOS) {
            return;
        }
        round = null;
        pause(nowNanos);
        Map<String, Integer> loads = new HashMap<>();
        asking.answers.forEach((node, load) -> load.ifPresent(n -> loads.put(node, n)));
        failedNanos.values().removeIf(at -> nowNanos - at >= FAILED_NANOS);
        List<? extends Led> movable =
                led.stream().filter(group -> !failedNanos.containsKey(group)).toList();
        choose(led.size(), movable, loads, nowNanos).ifPresent(move -> move(move, nowNanos));
    }

    private void look(long nowNanos, List<? extends Led> led) {
        Set<Voter> keepUp = new HashSet<>();
        if (led.size() >= 2) {
            for (Led group : led) {
                group.candidates().forEach(node -> keepUp.add(new Voter(group, node)));
            }
        }
        steadySince.keySet().retainAll(keepUp);
        keepUp.forEach(voter -> steadySince.putIfAbsent(voter, nowNanos));
    }

    private boolean isSteady(Voter voter, long nowNanos) {
        Long since = steadySince.get(voter);
        return since != null && nowNanos - since >= STEADY_NANOS;
    }

    private static Round ask(long nowNanos, List<? extends Led> led) {
        Round asking = new Round(nowNanos);
        for (Led group : led) {
            for (String node : group.candidates()) {
                // How much it leads is the same in whichever group it is asked.
                if (asking.asked.add(node)) {
                    group.askLoad(node, load -> asking.answers.put(node, load));
                }
            }
        }
        return asking;
    }

    /// What to hand over, if anything.
    ///
    /// @param own number of groups that this node leads
    /// @param loads what the others lead
    private Optional<Move> choose(
            int own, List<? extends Led> led, Map<String, Integer> loads, long nowNanos) {
        Move best = null;
        int least = own - 1;
        for (Led group : led) {
            for (String node : group.candidates()) {
                Integer load = loads.get(node);
                if (load != null && load < least && isSteady(new Voter(group, node), nowNanos)) {
                    least = load;
                    best = new Move(group, node);
                }
            }
        }
        return Optional.ofNullable(best);
    }

    private void move(Move move, long nowNanos) {
        LOG.info("this node leads more groups than {}", move.to());
        var _ =
                move.group()
                        .moveTo(move.to())
                        .thenAccept(done -> {
                            if (!done) {
                                failedNanos.put(move.group(), nowNanos);
                            }
                        });
    }
}
