package io.lattice.gateway.raft;

import io.lattice.proto.peer.PeerReply;
import io.lattice.proto.peer.PeerRequest;
import io.lattice.proto.peer.ReadIndexRequest;
import io.lattice.proto.peer.TermRequest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Makes reads linearizable: finds the log index that a read has to see, and proves that it was the newest one at
/// some instant after the read arrived. Ratis' own linearizable read isn't used, since it can answer without asking
/// anybody.
///
/// A round takes all reads that wait; those that arrive later wait for the next round; one round is under way at a
/// time, and [BatchPacer] says when the next is worth its cost. On the leader a round
///
///  1. notes its term t, checks that it is the leader and ready, and that its term is still t;
///  2. notes its commit index c;
///  3. asks other voters for their terms, and waits until a majority, itself included, has answered t. It asks no more
///     than it needs, those that answered the last round first, and the rest only if these don't answer soon.
///
/// A leader of a later term that was elected before the round began has a majority at its term, which intersects
/// with the one that answered t, and a node raises its stored term before it votes: so there is none, and c covers
/// every write acknowledged before the round. Lower terms don't count, since a node's term reads 0 while it starts.
/// On a follower a round asks the leader for such an index. Either way the reads run once it is applied here.
///
/// Thread-safe. Callbacks run on the thread that completes the round (a channel's event loop, or the one that
/// applies) and must not block.
public final class ReadFence {
    private static final Logger LOG = LoggerFactory.getLogger(ReadFence.class);

    /// A round that isn't complete by then is given up and begun anew: a peer was lost, or lost a message.
    private static final long ROUND_NANOS_MAX = TimeUnit.MILLISECONDS.toNanos(300);

    /// After this, voters that a round didn't need at first are asked as well.
    private static final long HEDGE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /// Reads that may wait at once.
    private static final int WAITING_MAX = 100_000;

    private final Standing raft;
    private final PeerSender peers;
    private final AppliedGate gate;
    private final Time time;

    /// The voter that answered last, to be asked first.
    private volatile String quickest = "";

    // All guarded by this.
    private final BatchPacer pacer = new BatchPacer();
    private List<Waiter> waiting = new ArrayList<>();
    private @Nullable Round current;
    private boolean alarmSet;
    private boolean stopped;

    /// The clock, and a way to be called back later, from another thread.
    interface Time {
        /// As System.nanoTime.
        long nanos();

        void later(long nanos, Runnable callback);
    }

    ReadFence(Standing raft, PeerSender peers, AppliedGate gate, Time time) {
        this.raft = raft;
        this.peers = peers;
        this.gate = gate;
        this.time = time;
    }

    /// Runs `ready` when everything that was acknowledged before this call is visible here, or `failed` if that
    /// can't be shown by `deadlineNanos` (of System.nanoTime).
    public void await(long deadlineNanos, Runnable ready, Consumer<ProposalFailure> failed) {
        join(
                new Waiter(
                        deadlineNanos,
                        false,
                        index -> gate.await(index, deadlineNanos, ready, failed),
                        failed));
    }

    /// For a follower that asks: an index by this node's own leadership, or empty.
    void confirmLeadership(long deadlineNanos, Consumer<OptionalLong> callback) {
        join(
                new Waiter(
                        deadlineNanos,
                        true,
                        index -> callback.accept(OptionalLong.of(index)),
                        failure -> callback.accept(OptionalLong.empty())));
    }

    private void join(Waiter waiter) {
        ProposalFailure refused = null;
        Round round = null;
        synchronized (this) {
            if (stopped) {
                refused = ProposalFailure.STOPPED;
            } else if (waiting.size() >= WAITING_MAX) {
                refused = ProposalFailure.TOO_MANY_REQUESTS;
            } else {
                waiting.add(waiter);
                round = current == null ? nextRound() : null;
            }
        }
        if (refused != null) {
            waiter.failed.accept(refused);
        } else if (round != null) {
            begin(round);
        }
    }

    /// Begins a round for what waits, unless more should come first. Caller holds the lock.
    private @Nullable Round nextRound() {
        current = null;
        if (waiting.isEmpty() || stopped) {
            return null;
        }
        long pause = pacer.nanosToWait(waiting.size(), time.nanos());
        if (pause == 0) {
            return takeRound();
        }
        if (!alarmSet) {
            alarmSet = true;
            time.later(pause, this::pauseOver);
        }
        return null;
    }

    /// Takes what waits into a round of its own. Caller holds the lock.
    private Round takeRound() {
        pacer.began(waiting.size());
        Round round = new Round(waiting, time.nanos());
        waiting = new ArrayList<>();
        current = round;
        return round;
    }

    private void pauseOver() {
        Round round;
        synchronized (this) {
            alarmSet = false;
            round = current == null ? nextRound() : null;
        }
        if (round != null) {
            begin(round);
        }
    }

    private void begin(Round round) {
        long term = raft.term();
        if (raft.isReadyLeader() && raft.term() == term) {
            askVoters(round, term);
            return;
        }
        List<Waiter> refused;
        synchronized (this) {
            refused = current == round ? round.removeLeaderOnly() : List.of();
        }
        for (Waiter waiter : refused) {
            waiter.failed.accept(ProposalFailure.LEADER_LOST);
        }
        String leader = raft.leader();
        if (leader == null || leader.equals(raft.nodeId())) {
            // Nobody to ask: tick() begins the round anew.
            return;
        }
        peers.send(
                leader,
                PeerRequest.newBuilder().setReadIndex(ReadIndexRequest.getDefaultInstance()),
                reply -> onReadIndex(round, reply));
    }

    private void onReadIndex(Round round, @Nullable PeerReply reply) {
        if (reply != null && reply.getReadIndex().getConfirmed()) {
            finish(round, reply.getReadIndex().getIndex());
        }
    }

    private void askVoters(Round round, long term) {
        long committed = raft.committedIndex();
        RaftView.Voters voters = raft.voters();
        round.term = term;
        round.committed = committed;
        round.voters = voters;
        if (round.confirm(raft.nodeId())) {
            finishLeading(round);
            return;
        }
        ask(round, round.enoughOf(raft.nodeId(), quickest));
    }

    private void ask(Round round, List<String> voters) {
        for (String voter : voters) {
            peers.send(
                    voter,
                    PeerRequest.newBuilder().setTerm(TermRequest.newBuilder().setRaftId(voter)),
                    reply -> onTerm(round, voter, reply));
        }
    }

    private void onTerm(Round round, String voter, @Nullable PeerReply reply) {
        if (round.done) {
            return;
        }
        if (reply == null || reply.getTerm().getTerm() != round.term) {
            // A higher term fails the round: tick() begins it anew, by then as a follower.
            ask(round, round.rest());
        } else if (round.confirm(voter)) {
            quickest = voter;
            finishLeading(round);
        }
    }

    private void finishLeading(Round round) {
        if (raft.term() == round.term) {
            finish(round, round.committed);
        }
    }

    private void finish(Round round, long index) {
        Round next;
        synchronized (this) {
            if (current != round) {
                return;
            }
            round.done = true;
            pacer.ended(time.nanos());
            next = nextRound();
        }
        try {
            if (next != null) {
                // First, so that it is under way while these are served.
                begin(next);
            }
        } finally {
            for (Waiter waiter : round.waiters) {
                waiter.confirmed.accept(index);
            }
        }
    }

    /// Called every few milliseconds while it says so, else now and then: begins a round anew that found no leader or lost a
    /// message, and fails reads whose time is up.
    ///
    /// @return whether a round is under way
    boolean tick(long nowNanos) {
        Round slow;
        synchronized (this) {
            slow = current;
        }
        if (slow != null && nowNanos - slow.beganNanos >= HEDGE_NANOS) {
            ask(slow, slow.rest());
            giveUpLate(nowNanos);
        }
        return slow != null;
    }

    private void giveUpLate(long nowNanos) {
        Round again;
        List<Waiter> late = new ArrayList<>();
        synchronized (this) {
            Round round = current;
            if (round == null) {
                return;
            }
            boolean asked = round.voters != null || raft.leader() != null;
            long patience = asked && round.attempts == 0 ? ROUND_NANOS_MAX : ROUND_NANOS_MAX / 6;
            if (nowNanos - round.beganNanos < patience) {
                return;
            }
            round.done = true;
            List<Waiter> kept = new ArrayList<>();
            for (Waiter waiter : round.waiters) {
                (nowNanos - waiter.deadlineNanos >= 0 ? late : kept).add(waiter);
            }
            // Those of the next round may as well join the new attempt, which begins after they
            // arrived.
            kept.addAll(waiting);
            waiting = kept;
            current = null;
            again = kept.isEmpty() || stopped ? null : takeRound();
            if (again != null) {
                again.attempts = round.attempts + 1;
            }
        }
        for (Waiter waiter : late) {
            waiter.failed.accept(ProposalFailure.TIMED_OUT);
        }
        if (again != null) {
            LOG.debug(
                    "read fence: attempt {} of a round of {}",
                    again.attempts,
                    again.waiters.size());
            begin(again);
        }
    }

    void stop() {
        List<Waiter> left = new ArrayList<>();
        synchronized (this) {
            stopped = true;
            if (current != null) {
                current.done = true;
                left.addAll(current.waiters);
            }
            current = null;
            left.addAll(waiting);
            waiting = new ArrayList<>();
        }
        for (Waiter waiter : left) {
            waiter.failed.accept(ProposalFailure.STOPPED);
        }
    }

    private record Waiter(
            long deadlineNanos,
            boolean leaderOnly,
            java.util.function.LongConsumer confirmed,
            Consumer<ProposalFailure> failed) {}

    /// One attempt to confirm leadership for the reads in it. A reply reaches the round that it was asked for and
    /// no other, so an old reply never confirms a newer round.
    private static final class Round {
        private List<Waiter> waiters; // guarded by the fence's lock until done
        private final long beganNanos;
        private int attempts;
        private final Set<String> confirmed = new HashSet<>();
        private volatile boolean done;
        // Written before the voters are asked, read by their replies.
        private long term;
        private long committed;
        private RaftView.@Nullable Voters voters;
        private List<String> unasked = List.of(); // guarded by this

        Round(List<Waiter> waiters, long beganNanos) {
            this.waiters = waiters;
            this.beganNanos = beganNanos;
        }

        /// True for the confirmation that completes a majority, once.
        private synchronized boolean confirm(String voter) {
            RaftView.Voters asked = voters;
            if (asked == null || asked.isMajority(confirmed)) {
                return false;
            }
            confirmed.add(voter);
            return asked.isMajority(confirmed);
        }

        /// Voters that make a majority together with the asking one, the quickest among them; the others are the
        /// [#rest()].
        private synchronized List<String> enoughOf(String self, String quickest) {
            RaftView.Voters asked = voters;
            if (asked == null) {
                return List.of();
            }
            Set<String> ordered = new LinkedHashSet<>();
            ordered.add(quickest);
            ordered.addAll(asked.current());
            ordered.addAll(asked.previous());
            ordered.removeIf(voter -> voter.equals(self) || !asked.contains(voter));
            Set<String> majority = new HashSet<>(confirmed);
            List<String> first = new ArrayList<>();
            List<String> others = new ArrayList<>();
            for (String voter : ordered) {
                (asked.isMajority(majority) ? others : first).add(voter);
                majority.add(voter);
            }
            unasked = others;
            return first;
        }

        /// The voters that weren't asked yet, once.
        private synchronized List<String> rest() {
            List<String> rest = unasked;
            unasked = List.of();
            return rest;
        }

        private List<Waiter> removeLeaderOnly() {
            List<Waiter> removed = new ArrayList<>();
            List<Waiter> kept = new ArrayList<>(waiters.size());
            for (Waiter waiter : waiters) {
                (waiter.leaderOnly ? removed : kept).add(waiter);
            }
            waiters = kept;
            return removed;
        }
    }
}
