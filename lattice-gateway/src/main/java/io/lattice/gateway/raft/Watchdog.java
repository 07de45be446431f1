package io.lattice.gateway.raft;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/// Has a leader that can't do its work give up leadership, where Ratis doesn't notice or not in time: its majority is
/// silent while writes keep it busy, a disk no longer takes what is written, Ratis takes no entries any more, or a
/// follower gets nothing because the thread that sends to it is gone or mistakes what it has. A disk that hangs for long, or that refuses
/// Ratis' term, ends the process.
///
/// All times are sums of looks, each of which counts half a second at most: a process that was paused has not waited
/// for its disk. Runs on the Raft ticker.
final class Watchdog {
    private static final long INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final long LOOK_NANOS_MAX = TimeUnit.MILLISECONDS.toNanos(500);

    /// Between two attempts to give up leadership; the first has succeeded or failed by then.
    static final Duration PAUSE = Duration.ofSeconds(5);

    /// Without progress of the disk for so long, a leader gives up leadership. A term that the disk has refused ends the
    /// process after that time.
    static final Duration DISK_SLOW = Duration.ofSeconds(5);

    /// Without progress of the disk for so long, the process ends: nothing that this node could do will be durable.
    static final Duration DISK_HUNG = Duration.ofSeconds(60);

    /// A leader whose entries Ratis has refused for so long gives up leadership: its permits have leaked, and a new
    /// leadership has new ones.
    static final Duration REFUSED = Duration.ofSeconds(5);

    /// A follower that can be reached but has been sent nothing for so long has no sender any more, unless elections take
    /// longer still. Ratis' sender pauses for up to 3 s after errors (RatisProperties).
    static final Duration CUT_OFF = Duration.ofSeconds(8);

    /// A follower that answers, but has for so long stored nothing of what is committed: it may lack what its leader takes for
    /// stored there, and Ratis' sender never goes back behind that. A new leadership finds out anew. A follower whose disk
    /// hangs looks the same.
    static final Duration STUCK = Duration.ofSeconds(20);

    /// At least so long between two hand-overs for a follower's sake.
    static final Duration CUT_OFF_PAUSE = Duration.ofMinutes(1);

    /// In election timeouts, for what counts as silence of a follower.
    private static final int SILENCE_TIMEOUTS = 2;

    /// In election timeouts, for what counts as having been sent nothing.
    private static final int CUT_OFF_TIMEOUTS = 3;

    /// What the watchdog sees and does. Nothing here may wait.
    interface Node {
        Vitals vitals();

        /// Gives up leadership, in the background.
        void handOver(String reason);

        /// Ends the process.
        void fatal(String what, Throwable cause);

        /// Asks another node for its term, by the channel between the nodes.
        ///
        /// @param answer runs on any thread; with 0, or not at all, if there is no answer
        void askTerm(String raftId, LongConsumer answer);
    }

    private final Node node;
    private final String self;
    private final long silenceMsMax;
    private final long cutOffMs;
    private final Stall syncing = new Stall();
    private final Stall applying = new Stall();
    private final Map<String, Unsent> unsent = new HashMap<>();
    private final Map<String, Stall> storing = new HashMap<>();
    private long checkedNanos;
    private long termUnstoredNanos;
    private long termRefusedNanos;
    private long ledTerm = -1;
    private long leadingNanos;
    private long pausedNanos = PAUSE.toNanos();
    private long cutOffPausedNanos = CUT_OFF_PAUSE.toNanos();

    /// @param self this node's identity
    /// @param nowNanos of the clock that [#tick] is called with
    Watchdog(Node node, String self, Duration electionTimeoutMax, long nowNanos) {
        this.node = node;
        this.self = self;
        this.silenceMsMax = SILENCE_TIMEOUTS * electionTimeoutMax.toMillis();
        this.cutOffMs =
                Math.max(CUT_OFF.toMillis(), CUT_OFF_TIMEOUTS * electionTimeoutMax.toMillis());
        this.checkedNanos = nowNanos;
    }

    void tick(long nowNanos) {
        if (nowNanos - checkedNanos < INTERVAL_NANOS) {
            return;
        }
        long elapsed = Math.min(nowNanos - checkedNanos, LOOK_NANOS_MAX);
        checkedNanos = nowNanos;
        Vitals vitals = node.vitals();
        Vitals.Log log = vitals.log();
        long syncingNanos = syncing.observe(log.flushed(), log.last() <= log.flushed(), elapsed);
        long applyingNanos =
                applying.observe(log.applied(), log.committed() <= log.applied(), elapsed);
        observeTerm(vitals.termFile(), elapsed);
        if (!endsProcess(syncingNanos, applyingNanos)) {
            lead(vitals, syncingNanos, applyingNanos, elapsed);
        }
    }

    private void observeTerm(TermFile.Status status, long elapsed) {
        termUnstoredNanos = status == TermFile.Status.STORED ? 0 : termUnstoredNanos + elapsed;
        termRefusedNanos = status == TermFile.Status.NOT_STORED ? termRefusedNanos + elapsed : 0;
    }

    private boolean endsProcess(long syncingNanos, long applyingNanos) {
        long hung = DISK_HUNG.toNanos();
        if (syncingNanos >= hung) {
            node.fatal("the Raft log's disk doesn't sync", since("no sync", syncingNanos));
        } else if (applyingNanos >= hung) {
            node.fatal("committed entries aren't applied any more", since("none", applyingNanos));
        } else if (termUnstoredNanos >= hung) {
            node.fatal(
                    "the Raft log's disk doesn't take a new term",
                    since("not stored", termUnstoredNanos));
        } else if (termRefusedNanos >= DISK_SLOW.toNanos()) {
            node.fatal(
                    "the Raft log's disk refused a new term",
                    since("not stored", termRefusedNanos));
        } else {
            return false;
        }
        return true;
    }

    private static Throwable since(String what, long nanos) {
        return new IllegalStateException(
                what + " for " + TimeUnit.NANOSECONDS.toSeconds(nanos) + " s");
    }

    private void lead(Vitals vitals, long syncingNanos, long applyingNanos, long elapsed) {
        pausedNanos += elapsed;
        cutOffPausedNanos += elapsed;
        if (!vitals.leads()) {
            ledTerm = -1;
            unsent.clear();
            storing.clear();
            return;
        }
        leadingNanos = vitals.term() == ledTerm ? leadingNanos + elapsed : 0;
        ledTerm = vitals.term();
        String cutOff = cutOffFollower(vitals, elapsed);
        String stuck = stuckFollower(vitals, elapsed);
        if (pausedNanos < PAUSE.toNanos()) {
            return;
        }
        String reason = unfit(vitals, syncingNanos, applyingNanos);
        if (reason == null
                && (cutOff != null || stuck != null)
                && cutOffPausedNanos >= CUT_OFF_PAUSE.toNanos()) {
            cutOffPausedNanos = 0;
            reason =
                    cutOff != null
                            ? cutOff + " can be reached, but nothing is sent to it any more"
                            : stuck + " answers, but stores nothing any more";
        }
        if (reason != null) {
            pausedNanos = 0;
            unsent.clear();
            storing.clear();
            node.handOver(reason);
        }
    }

    /// Why this node shouldn't lead, or null.
    private @Nullable String unfit(Vitals vitals, long syncingNanos, long applyingNanos) {
        // A lone voter would only elect itself again.
        boolean others = !vitals.voters().isMajority(Set.of(self));
        if (others && syncingNanos >= DISK_SLOW.toNanos()) {
            return "the log has not been synced for " + millis(syncingNanos);
        }
        if (others && applyingNanos >= DISK_SLOW.toNanos()) {
            return "nothing was applied for " + millis(applyingNanos);
        }
        if (vitals.refusedNanos() >= REFUSED.toNanos()) {
            return "Ratis has refused every entry for " + millis(vitals.refusedNanos());
        }
        if (TimeUnit.NANOSECONDS.toMillis(leadingNanos) >= silenceMsMax
                && !vitals.voters().isMajority(heard(vitals))) {
            return "a majority of the voters is silent";
        }
        return null;
    }

    private static String millis(long nanos) {
        return TimeUnit.NANOSECONDS.toMillis(nanos) + " ms";
    }

    private Set<String> heard(Vitals vitals) {
        Set<String> heard = new HashSet<>();
        heard.add(self);
        for (Follower follower : vitals.followers()) {
            if (follower.heardMs() <= silenceMsMax) {
                heard.add(follower.raftId());
            }
        }
        return heard;
    }

    /// A member to which nothing has been sent for too long although it has answered all the while, or null.
    private @Nullable String cutOffFollower(Vitals vitals, long elapsed) {
        String found = null;
        for (Follower follower : vitals.followers()) {
            String id = follower.raftId();
            // Whoever sends a snapshot waits until it is taken up, and sends nothing else.
            if (follower.sentMs() <= silenceMsMax
                    || follower.nextIndex() < vitals.log().start()
                    || !vitals.isMember(id)
                    || leadingNanos == 0) {
                unsent.remove(id);
                continue;
            }
            Unsent seen = unsent.computeIfAbsent(id, _ -> new Unsent());
            seen.observe(elapsed);
            if (follower.sentMs() >= cutOffMs
                    && TimeUnit.NANOSECONDS.toMillis(seen.reachableNanos) >= cutOffMs) {
                found = id;
            }
            node.askTerm(
                    id,
                    term -> {
                        if (term > 0) {
                            seen.answered.set(true);
                        }
                    });
        }
        return found;
    }

    /// A member that answers and doesn't get on with what is committed, or null.
    private @Nullable String stuckFollower(Vitals vitals, long elapsed) {
        String found = null;
        for (Follower follower : vitals.followers()) {
            String id = follower.raftId();
            boolean idle =
                    follower.matchIndex() >= vitals.log().committed()
                            || follower.heardMs() > silenceMsMax
                            || follower.nextIndex() < vitals.log().start()
                            || !vitals.isMember(id)
                            || leadingNanos == 0;
            long nanos =
                    storing.computeIfAbsent(id, _ -> new Stall())
                            .observe(follower.matchIndex(), idle, elapsed);
            if (nanos >= STUCK.toNanos()) {
                found = id;
            }
        }
        return found;
    }

    /// Whether a follower that gets nothing can be reached.
    private static final class Unsent {
        private static final long ANSWER_NANOS_MAX = TimeUnit.SECONDS.toNanos(2);

        private final AtomicBoolean answered = new AtomicBoolean();
        private long reachableNanos;
        private long unansweredNanos;

        void observe(long elapsed) {
            unansweredNanos = answered.getAndSet(false) ? 0 : unansweredNanos + elapsed;
            reachableNanos = unansweredNanos > ANSWER_NANOS_MAX ? 0 : reachableNanos + elapsed;
        }
    }
}
