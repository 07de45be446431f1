package io.lattice.gateway.lease;

import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.gateway.raft.Proposer;
import io.lattice.proto.command.LeaseRenew;
import io.lattice.proto.command.LeaseRenewed;
import io.lattice.statemachine.apply.Outcome;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Gathers one tenant's renewals: all that come while one command is under way, or within a pause since it began, go with the
/// next, each lease once.
///
/// Renewing again does no harm. So a renewal that the loss of a leader leaves undecided is made again until its time is up,
/// and so is one whose answer comes so late that the client would rely on time that has passed: it takes the TTL for beginning
/// when it gets the answer. That happens if this process was paused while its command was under way; the lease may have ended
/// meanwhile.
///
/// Thread-safe. Answers come on the thread that completes the proposal, or on `executor` if there are many, those of one batch
/// in the order in which they came.
public final class Renewals {
    /// Leases in one command, which is 32 KiB of ids.
    private static final int IDS_MAX = 4_096;

    /// Renewals that may wait; further ones are refused.
    private static final int WAITING_MAX = 400_000;

    /// Answers that the completing thread, which applies the log, gives itself.
    private static final int INLINE_ANSWERS_MAX = 16;

    private final Sender sender;
    private final long pauseNanos;
    private final long timeoutNanos;
    private final Executor executor;
    private final Timer timer;
    private final LongSupplier nanoClock;
    // Guarded by this.
    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
    private boolean underWay;
    private boolean pausing;
    private long nextNanos;

    /// Has leases renewed.
    @FunctionalInterface
    interface Sender {
        /// The completion is told exactly once. It never comes to a refusal.
        void send(LeaseRenew renew, Proposer.Completion completion);
    }

    /// What a caller is told, exactly once. It must not throw.
    public interface Answer {
        /// The lease's time begins anew; or, with 0, the lease doesn't exist and neither do its keys.
        void renewed(long ttlSeconds);

        /// It isn't known whether the lease was renewed.
        void failed(ProposalFailure failure);
    }

    /// Runs a task after a while, where what must not run on the thread that completes proposals may.
    interface Timer {
        void after(long nanos, Runnable task);
    }

    private record Waiting(long id, long sinceNanos, Answer answer) {}

    /// @param pause from the beginning of one command to that of the next, unless enough wait to fill it
    /// @param timeout how long a renewal is tried
    /// @param executor runs what must not run on the thread that completes proposals
    Renewals(Sender sender, Duration pause, Duration timeout, Executor executor) {
        this(
                sender,
                pause,
                timeout,
                executor,
                (nanos, task) ->
                        CompletableFuture.delayedExecutor(
                                        nanos,
                                        TimeUnit.NANOSECONDS,
                                        due -> executeOn(executor, due))
                                .execute(task),
                System::nanoTime);
    }

    Renewals(
            Sender sender,
            Duration pause,
            Duration timeout,
            Executor executor,
            Timer timer,
            LongSupplier nanoClock) {
        this.sender = sender;
        this.pauseNanos = pause.toNanos();
        this.timeoutNanos = timeout.toNanos();
        this.executor = executor;
        this.timer = timer;
        this.nanoClock = nanoClock;
        this.nextNanos = nanoClock.getAsLong();
    }

    /// Renews a lease.
    public void renew(long id, Answer answer) {
        renew(List.of(id), _ -> answer);
    }

    /// Renews leases together, or none if too many wait.
    ///
    /// @param answers by the places of the ids
    void renew(List<Long> ids, IntFunction<Answer> answers) {
        Batch batch = null;
        boolean refused;
        synchronized (this) {
            refused = waiting.size() + ids.size() > WAITING_MAX;
            if (!refused) {
                long now = nanoClock.getAsLong();
                for (int i = 0; i < ids.size(); i++) {
                    waiting.addLast(new Waiting(ids.get(i), now, answers.apply(i)));
                }
                batch = takeBatch();
            }
        }
        if (refused) {
            for (int i = 0; i < ids.size(); i++) {
                answers.apply(i).failed(ProposalFailure.TOO_MANY_REQUESTS);
            }
        } else if (batch != null) {
            sender.send(batch.command(), batch);
        }
    }

    /// Caller holds the monitor.
    private @Nullable Batch takeBatch() {
        if (underWay || waiting.isEmpty()) {
            return null;
        }
        long now = nanoClock.getAsLong();
        if (waiting.size() < IDS_MAX && nextNanos - now > 0) {
            if (!pausing) {
                pausing = true;
                timer.after(nextNanos - now, this::goOn);
            }
            return null;
        }
        nextNanos = now + pauseNanos;
        Map<Long, Integer> places = new HashMap<>();
        List<Waiting> taken = new ArrayList<>();
        LeaseRenew.Builder command = LeaseRenew.newBuilder();
        while (!waiting.isEmpty() && places.size() < IDS_MAX) {
            Waiting next = waiting.removeFirst();
            taken.add(next);
            if (places.putIfAbsent(next.id, places.size()) == null) {
                command.addIds(next.id);
            }
        }
        underWay = true;
        return new Batch(command.build(), taken, places, now);
    }

    /// The pause is over.
    private void goOn() {
        Batch next;
        synchronized (this) {
            pausing = false;
            next = takeBatch();
        }
        if (next != null) {
            sender.send(next.command, next);
        }
    }

    /// Ends a batch: what is to be made again goes back to the head of the queue, and the next one begins.
    private void finish(List<Waiting> undone) {
        Batch next;
        synchronized (this) {
            underWay = false;
            for (int i = undone.size() - 1; i >= 0; i--) {
                waiting.addFirst(undone.get(i));
            }
            next = takeBatch();
        }
        if (next != null) {
            // Not on the thread that applies the log: proposing may submit at once, and submitting
            // may block.
            execute(() -> sender.send(next.command, next));
        }
    }

    private void execute(Runnable task) {
        executeOn(executor, task);
    }

    static void executeOn(Executor executor, Runnable task) {
        try {
            executor.execute(task);
        } catch (RejectedExecutionException e) {
            // It must be done, if not there then here.
            task.run();
        }
    }

    private final class Batch implements Proposer.Completion {
        private final LeaseRenew command;
        private final List<Waiting> taken;
        private final Map<Long, Integer> places;
        private final long sentNanos;

        Batch(LeaseRenew command, List<Waiting> taken, Map<Long, Integer> places, long sentNanos) {
            this.command = command;
            this.taken = taken;
            this.places = places;
            this.sentNanos = sentNanos;
        }

        LeaseRenew command() {
            return command;
        }

        @Override
        public void done(Outcome outcome) {
            if (outcome instanceof Outcome.Applied(LeaseRenewed renewed, _)) {
                run(() -> answer(renewed));
            } else {
                throw new IllegalStateException("a renewal can't come to " + outcome);
            }
        }

        @Override
        public void failed(ProposalFailure failure) {
            run(() -> fail(failure));
        }

        private void run(Runnable answering) {
            if (taken.size() <= INLINE_ANSWERS_MAX) {
                answering.run();
                return;
            }
            execute(answering);
        }

        private void answer(LeaseRenewed renewed) {
            List<Waiting> undone = new ArrayList<>();
            long now = nanoClock.getAsLong();
            // A lease's time began anew when the command was applied, which was after it was sent.
            long ageSeconds = TimeUnit.NANOSECONDS.toSeconds(now - sentNanos);
            try {
                for (Waiting waited : taken) {
                    Integer place = places.get(waited.id);
                    long ttl = place == null ? 0 : renewed.getTtls(place);
                    if (ttl == 0 || ageSeconds * 2 < ttl) {
                        waited.answer.renewed(ttl);
                    } else if (now - waited.sinceNanos < timeoutNanos) {
                        undone.add(waited);
                    } else {
                        waited.answer.failed(ProposalFailure.TIMED_OUT);
                    }
                }
            } finally {
                finish(undone);
            }
        }

        private void fail(ProposalFailure failure) {
            List<Waiting> undone = new ArrayList<>();
            long now = nanoClock.getAsLong();
            try {
                for (Waiting waited : taken) {
                    if (failure == ProposalFailure.LEADER_LOST
                            && now - waited.sinceNanos < timeoutNanos) {
                        undone.add(waited);
                    } else {
                        waited.answer.failed(failure);
                    }
                }
            } finally {
                finish(undone);
            }
        }
    }
}
