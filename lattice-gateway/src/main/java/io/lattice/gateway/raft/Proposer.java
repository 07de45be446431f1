package io.lattice.gateway.raft;

import io.lattice.gateway.raft.CommandQueue.Pending;
import io.lattice.proto.command.Command;
import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.proto.peer.ForwardReply;
import io.lattice.proto.peer.ForwardRequest;
import io.lattice.proto.peer.PeerReply;
import io.lattice.proto.peer.PeerRequest;
import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.raft.BatchMessage;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Turns concurrent mutations into log entries. All that waits while one entry is under way becomes the next one:
/// a lone writer never waits, and a thousand writers share each sync, since [BatchPacer] lets them gather.
///
/// A node's commands travel in a [Proposal] that carries the process' random origin and a sequence number. On the
/// leader the proposals of this node and those that other nodes forwarded become one entry; a follower forwards one
/// proposal at a time to the leader. Outcomes never travel: every node applies the same entry to the same effect,
/// so the node that proposed takes them from its own apply, and a client that reads there afterwards sees its write.
///
/// What may have been appended is never proposed again. A proposal that was surely not appended goes back to the
/// head of the queue and is routed anew until its deadline. One whose fate is unknown stays registered: either the
/// entry is applied here after all, or an entry of a later term comes first or the time is up, and its callers get
/// the error that says that they can't know.
///
/// Thread-safe. One thread of its own submits batches, since submitting to Ratis may block. Completions of small batches run
/// on the applying thread, those of large ones on `completions`; they must not block.
public final class Proposer {
    private static final Logger LOG = LoggerFactory.getLogger(Proposer.class);

    /// Pause before something that was surely not appended is routed again.
    private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    /// Completions that the applying thread runs itself: handing over would cost a lone writer more than it saves.
    private static final int INLINE_COMPLETIONS_MAX = 16;

    /// Proposals of other nodes that may wait; each has at most one under way, so this is never reached in earnest.
    private static final int FORWARDED_MAX = 1_024;

    private final Standing raft;
    private final PeerSender peers;
    private final EntrySink sink;
    private final CommitPusher pusher;
    private final RaftSettings settings;
    private final Executor completions;
    private final long origin;
    private final Thread submitter;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition work = lock.newCondition();
    // All guarded by lock.
    private final CommandQueue waiting;
    private final ArrayDeque<Forwarded> forwarded = new ArrayDeque<>();
    private final Map<Long, Ticket> tickets = new HashMap<>();
    private final BatchPacer pacer = new BatchPacer();
    private int forwardedCommands;
    private long lastSequence;
    private long retryNanos;
    private boolean submitterIdle;
    private boolean submitterPaced;
    private boolean stopped;
    private @Nullable Entry entryInFlight;
    private @Nullable Ticket forwardInFlight;

    /// Puts a batch into this node's division as its leader.
    interface EntrySink {
        /// Submits a batch.
        ///
        /// @param failed called at most once, on any thread, if the batch won't be answered by being applied
        void submit(BatchMessage message, Consumer<Throwable> failed);
    }

    /// What a caller is told, exactly once.
    public interface Completion {
        /// The command was applied, or refused by the state.
        void done(Outcome outcome);

        void failed(ProposalFailure failure);
    }

    /// Makes a proposer that is started by [#start].
    ///
    /// @param origin random for each process, so that no other's proposal is ever taken for its own
    Proposer(
            Standing raft,
            PeerSender peers,
            EntrySink sink,
            CommitPusher pusher,
            RaftSettings settings,
            Executor completions,
            long origin) {
        this.raft = raft;
        this.peers = peers;
        this.sink = sink;
        this.pusher = pusher;
        this.settings = settings;
        this.completions = completions;
        this.waiting = new CommandQueue(settings);
        this.origin = origin;
        this.retryNanos = System.nanoTime();
        this.submitter =
                Thread.ofPlatform().name("lattice-proposer").daemon().unstarted(this::submitLoop);
    }

    /// Begins to submit.
    ///
    /// @param died told if the submitting thread dies: nothing would ever be written here again
    void start(Consumer<Throwable> died) {
        submitter.setUncaughtExceptionHandler((_, e) -> died.accept(e));
        submitter.start();
    }

    boolean isOrigin(long candidate) {
        return candidate == origin;
    }

    /// Replicates `command`. Its size must have been checked before: it becomes a log entry as it is.
    public void propose(Command command, Completion completion) {
        long deadline = System.nanoTime() + settings.requestTimeout().toNanos();
        Pending pending = new Pending(command, deadline, completion);
        ProposalFailure refused = null;
        Runnable alone = null;
        lock.lock();
        try {
            if (stopped) {
                refused = ProposalFailure.STOPPED;
            } else if (waiting.add(pending)) {
                alone = takeAlone();
            } else {
                refused = ProposalFailure.TOO_MANY_REQUESTS;
            }
        } finally {
            lock.unlock();
        }
        if (refused != null) {
            completion.failed(refused);
        } else if (alone != null) {
            alone.run();
        }
    }

    /// A follower's proposal, to be put into the log here if this node leads.
    void forward(Proposal proposal, Consumer<ForwardReply.Result> callback) {
        boolean accepted;
        Runnable alone = null;
        lock.lock();
        try {
            accepted = !stopped && forwarded.size() < FORWARDED_MAX && raft.isReadyLeader();
            if (accepted) {
                forwarded.addLast(new Forwarded(proposal, callback));
                forwardedCommands += proposal.getCommandsCount();
                alone = takeAlone();
            }
        } finally {
            lock.unlock();
        }
        if (!accepted) {
            callback.accept(ForwardReply.Result.NOT_APPENDED);
        } else if (alone != null) {
            alone.run();
        }
    }

    /// A command that nobody else is expected to join is sent by the thread that brings it: a hand-over is a tenth of a lone
    /// writer's latency. With only one entry under way, Ratis' queues have room and its locks are free, so that submitting
    /// is short. All others are left to the submitter. Caller holds the lock and runs what is returned without it.
    private @Nullable Runnable takeAlone() {
        Runnable alone = commands() == 1 && !isUnderWay() ? takeWork() : null;
        if (alone == null) {
            wakeSubmitter();
        }
        return alone;
    }

    /// Wakes the submitter if there is something to do now; if it only waits for company, it wakes by itself.
    private void wakeSubmitter() {
        if (submitterIdle
                && commands() > 0
                && !isUnderWay()
                && (!submitterPaced || commands() >= pacer.target())) {
            work.signal();
        }
    }

    private boolean isUnderWay() {
        return entryInFlight != null || forwardInFlight != null;
    }

    /// Commands that would make the next batch.
    private int commands() {
        return waiting.size() + forwardedCommands;
    }

    private void submitLoop() {
        while (true) {
            Runnable next;
            lock.lock();
            try {
                next = awaitWork();
            } catch (InterruptedException e) {
                // Only stop() ends this thread, and not by interrupting it.
                throw new IllegalStateException("the proposer's thread was interrupted", e);
            } finally {
                lock.unlock();
            }
            if (next == null) {
                return;
            }
            next.run();
        }
    }

    /// The next thing to send, or null once stopped. Caller holds the lock.
    private @Nullable Runnable awaitWork() throws InterruptedException {
        Runnable next = takeWork();
        while (next == null && !stopped) {
            submitterIdle = true;
            if (commands() == 0 || entryInFlight != null) {
                work.await();
            } else {
                long pace = isUnderWay() ? 0 : pacer.nanosToWait(commands(), System.nanoTime());
                submitterPaced = pace > 0;
                // What isn't paced waits for a leader, whose arrival Ratis doesn't always
                // announce.
                work.awaitNanos(submitterPaced ? pace : RETRY_NANOS);
                submitterPaced = false;
            }
            submitterIdle = false;
            next = takeWork();
        }
        return next;
    }

    /// What can be sent now, registered as under way, or null. Caller holds the lock.
    private @Nullable Runnable takeWork() {
        if (stopped) {
            return null;
        }
        if (raft.isReadyLeader()) {
            if (entryInFlight == null && commands() > 0 && isTime()) {
                Entry entry = takeEntry();
                return () -> submit(entry);
            }
            return null;
        }
        if (!forwarded.isEmpty()) {
            List<Forwarded> refused = new ArrayList<>(forwarded);
            forwarded.clear();
            forwardedCommands = 0;
            return () -> refused.forEach(f -> f.callback.accept(ForwardReply.Result.NOT_APPENDED));
        }
        String leader = raft.leader();
        if (leader != null
                && !leader.equals(raft.nodeId())
                && forwardInFlight == null
                && !waiting.isEmpty()
                && isTime()) {
            Ticket ticket = takeTicket(settings.batchBytesMax());
            pacer.began(ticket.pendings.size());
            ticket.term = raft.term();
            ticket.forwardedTo = leader;
            forwardInFlight = ticket;
            return () -> forwardTo(leader, ticket);
        }
        return null;
    }

    /// Whether the pause after a failure is over and nobody else is expected soon.
    private boolean isTime() {
        long now = System.nanoTime();
        return now - retryNanos >= 0 && pacer.nanosToWait(commands(), now) == 0;
    }

    private Entry takeEntry() {
        CommandBatch.Builder batch = CommandBatch.newBuilder();
        List<Forwarded> taken = new ArrayList<>();
        int commands = 0;
        long bytes = 0;
        while (!forwarded.isEmpty()
                && (taken.isEmpty()
                        || bytes + forwarded.getFirst().proposal.getSerializedSize()
                                <= settings.batchBytesMax())) {
            Forwarded next = forwarded.removeFirst();
            bytes += next.proposal.getSerializedSize();
            batch.addProposals(next.proposal);
            commands += next.proposal.getCommandsCount();
            taken.add(next);
        }
        forwardedCommands -= commands;
        Ticket own = null;
        if (!waiting.isEmpty()
                && (taken.isEmpty() || waiting.firstFits(settings.batchBytesMax() - bytes))) {
            own = takeTicket(settings.batchBytesMax() - bytes);
            batch.addProposals(own.proposal);
            commands += own.pendings.size();
        }
        pacer.began(commands);
        Entry entry = new Entry(new BatchMessage(batch.build()), own, taken);
        entryInFlight = entry;
        return entry;
    }

    private Ticket takeTicket(long bytesMax) {
        Proposal.Builder proposal =
                Proposal.newBuilder().setOrigin(origin).setSequence(++lastSequence);
        List<Pending> taken = waiting.takeInto(proposal, bytesMax);
        Ticket ticket = new Ticket(proposal.build(), taken);
        tickets.put(ticket.proposal.getSequence(), ticket);
        return ticket;
    }

    private void submit(Entry entry) {
        sink.submit(entry.message, cause -> submitFailed(entry, cause));
    }

    private void submitFailed(Entry entry, Throwable cause) {
        boolean undecided = entry.message.appendStarted();
        LOG.debug("an entry was not accepted, undecided {}", undecided, cause);
        lock.lock();
        try {
            if (entryInFlight == entry) {
                entryInFlight = null;
            }
            Ticket own = entry.own;
            if (own != null && tickets.containsKey(own.proposal.getSequence())) {
                if (undecided) {
                    own.undecided = true;
                    own.term = entry.message.appendTerm();
                } else {
                    putBack(own);
                }
            }
            retryNanos = System.nanoTime() + RETRY_NANOS;
            wakeSubmitter();
        } finally {
            lock.unlock();
        }
        ForwardReply.Result result =
                undecided ? ForwardReply.Result.UNDECIDED : ForwardReply.Result.NOT_APPENDED;
        entry.forwarded.forEach(f -> f.callback.accept(result));
    }

    /// Queues a ticket's commands again, before all others, as they came first. Caller holds the lock.
    private void putBack(Ticket ticket) {
        tickets.remove(ticket.proposal.getSequence());
        waiting.putBack(ticket.pendings);
    }

    private void forwardTo(String leader, Ticket ticket) {
        peers.send(
                leader,
                PeerRequest.newBuilder()
                        .setForward(ForwardRequest.newBuilder().setProposal(ticket.proposal)),
                reply -> onForwarded(ticket, reply));
    }

    private void onForwarded(Ticket ticket, @Nullable PeerReply reply) {
        ForwardReply.Result result =
                reply == null ? ForwardReply.Result.UNDECIDED : reply.getForward().getResult();
        lock.lock();
        try {
            if (result == ForwardReply.Result.APPLIED
                    || !tickets.containsKey(ticket.proposal.getSequence())) {
                return;
            }
            if (forwardInFlight == ticket) {
                forwardInFlight = null;
            }
            if (result == ForwardReply.Result.NOT_APPENDED) {
                putBack(ticket);
            } else {
                ticket.undecided = true;
            }
            retryNanos = System.nanoTime() + RETRY_NANOS;
            wakeSubmitter();
        } finally {
            lock.unlock();
        }
    }

    /// An entry is about to be applied here. On the applying thread.
    void committed(LogPosition position) {
        boolean push;
        lock.lock();
        try {
            Entry entry = entryInFlight;
            // The next entry tells the followers as well, but later.
            push = commands() == 0 || (entry != null && !entry.forwarded.isEmpty());
        } finally {
            lock.unlock();
        }
        if (push) {
            pusher.push(position.index());
        }
    }

    /// An entry was applied here. On the applying thread.
    void applied(LogPosition position, CommandBatch batch, List<List<Outcome>> outcomes) {
        List<Forwarded> answered = List.of();
        List<Runnable> completed = new ArrayList<>();
        lock.lock();
        try {
            Entry entry = entryInFlight;
            if (entry != null && entry.isFirstOf(batch)) {
                answered = entry.forwarded;
                entryInFlight = null;
                pacer.ended(System.nanoTime());
            }
            for (int i = 0; i < batch.getProposalsCount(); i++) {
                Proposal proposal = batch.getProposals(i);
                if (proposal.getOrigin() == origin) {
                    Ticket ticket = removeTicket(proposal.getSequence());
                    if (ticket != null) {
                        completed.add(completion(ticket, outcomes.get(i)));
                    }
                }
            }
            wakeSubmitter();
        } finally {
            lock.unlock();
        }
        completed.forEach(Runnable::run);
        answered.forEach(f -> f.callback.accept(ForwardReply.Result.APPLIED));
        advanced(position);
    }

    /// The ticket of an applied proposal, or null if its callers were told that they can't know. Caller holds the lock.
    private @Nullable Ticket removeTicket(long sequence) {
        Ticket ticket = tickets.remove(sequence);
        if (ticket != null && forwardInFlight == ticket) {
            forwardInFlight = null;
            pacer.ended(System.nanoTime());
        }
        return ticket;
    }

    /// Tells a ticket's callers, here or, if they are many, on another thread.
    private Runnable completion(Ticket ticket, List<Outcome> outcomes) {
        List<Pending> pendings = ticket.pendings;
        Runnable tell =
                () -> {
                    for (int i = 0; i < pendings.size(); i++) {
                        pendings.get(i).completion().done(outcomes.get(i));
                    }
                };
        return pendings.size() <= INLINE_COMPLETIONS_MAX ? tell : () -> completions.execute(tell);
    }

    /// The applied position moved: an undecided proposal of an earlier term can't come any more.
    void advanced(LogPosition position) {
        failTickets(
                ticket -> ticket.undecided && ticket.term < position.term(),
                ProposalFailure.LEADER_LOST);
    }

    /// Entries were skipped by a snapshot, perhaps ones that were proposed here.
    void snapshotInstalled() {
        failTickets(ticket -> true, ProposalFailure.LEADER_LOST);
    }

    /// Another leader: what the last one had is undecided unless it is applied here after all.
    void leaderChanged() {
        lock.lock();
        try {
            Ticket ticket = forwardInFlight;
            if (ticket != null && !ticket.forwardedTo.equals(raft.leader())) {
                ticket.undecided = true;
                forwardInFlight = null;
            }
            work.signal();
        } finally {
            lock.unlock();
        }
    }

    /// Called every few milliseconds: fails what has waited too long.
    void tick(long nowNanos) {
        List<Pending> late = new ArrayList<>();
        List<Forwarded> givenUp = List.of();
        lock.lock();
        try {
            for (Pending first = waiting.pollLate(nowNanos);
                    first != null;
                    first = waiting.pollLate(nowNanos)) {
                late.add(first);
            }
            if (commands() > 0) {
                wakeSubmitter();
            }
            Entry entry = entryInFlight;
            if (entry != null
                    && nowNanos - entry.beganNanos >= settings.requestTimeout().toNanos()) {
                // Its fate is unknown, and nothing else may wait for it for ever.
                entryInFlight = null;
                givenUp = entry.forwarded;
                if (entry.own != null) {
                    entry.own.undecided = true;
                    entry.own.term = entry.message.appendTerm();
                }
            }
        } finally {
            lock.unlock();
        }
        givenUp.forEach(f -> f.callback.accept(ForwardReply.Result.UNDECIDED));
        late.forEach(pending -> pending.completion().failed(ProposalFailure.TIMED_OUT));
        failTickets(
                ticket -> nowNanos - ticket.pendings.getFirst().deadlineNanos() >= 0,
                ProposalFailure.TIMED_OUT);
    }

    private void failTickets(java.util.function.Predicate<Ticket> which, ProposalFailure failure) {
        List<Ticket> failed = new ArrayList<>();
        lock.lock();
        try {
            if (tickets.isEmpty()) {
                return;
            }
            for (Iterator<Ticket> i = tickets.values().iterator(); i.hasNext(); ) {
                Ticket ticket = i.next();
                if (which.test(ticket)) {
                    i.remove();
                    failed.add(ticket);
                    if (forwardInFlight == ticket) {
                        forwardInFlight = null;
                    }
                }
            }
        } finally {
            lock.unlock();
        }
        for (Ticket ticket : failed) {
            completions.execute(() -> ticket.pendings.forEach(p -> p.completion().failed(failure)));
        }
    }

    /// Fails what waits; what is under way already ends as undecided.
    void stop() {
        List<Pending> left;
        lock.lock();
        try {
            stopped = true;
            left = waiting.removeAll();
            work.signalAll();
        } finally {
            lock.unlock();
        }
        left.forEach(pending -> pending.completion().failed(ProposalFailure.STOPPED));
        failTickets(ticket -> true, ProposalFailure.LEADER_LOST);
    }

    /// One proposal of this node and the callers that wait for it, in the order of its commands.
    private static final class Ticket {
        private final Proposal proposal;
        private final List<Pending> pendings;
        private boolean undecided;
        private long term;
        private String forwardedTo = "";

        Ticket(Proposal proposal, List<Pending> pendings) {
            this.proposal = proposal;
            this.pendings = pendings;
        }
    }

    private record Forwarded(Proposal proposal, Consumer<ForwardReply.Result> callback) {}

    /// The log entry under way on the leader.
    private static final class Entry {
        private final BatchMessage message;
        private final @Nullable Ticket own;
        private final List<Forwarded> forwarded;
        private final long beganNanos = System.nanoTime();

        Entry(BatchMessage message, @Nullable Ticket own, List<Forwarded> forwarded) {
            this.message = message;
            this.own = own;
            this.forwarded = forwarded;
        }

        /// An origin uses a sequence number once, so the first proposal names the entry.
        private boolean isFirstOf(CommandBatch batch) {
            Proposal mine = message.batch().getProposals(0);
            Proposal theirs = batch.getProposals(0);
            return mine.getOrigin() == theirs.getOrigin()
                    && mine.getSequence() == theirs.getSequence();
        }
    }
}
