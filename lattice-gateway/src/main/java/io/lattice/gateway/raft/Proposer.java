package io.lattice.gateway.raft;

import io.lattice.gateway.raft.CommandQueue.Pending;
import io.lattice.gateway.raft.ForwardedQueue.Forwarded;
import io.lattice.proto.command.Command;
import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.proto.peer.ForwardReply;
import io.lattice.proto.peer.ForwardRequest;
import io.lattice.proto.peer.PeerReply;
import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.apply.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Predicate;
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
/// What a node forwards is appended in the order in which it was sent, or not at all ([ForwardOrder]).
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

    /// Completions that the applying thread runs itself: handing over would cost a lone writer more than it saves.
    private static final int INLINE_COMPLETIONS_MAX = 16;

    private final Standing raft;
    private final PeerSender peers;
    private final EntrySink sink;
    private final CommitNews news;
    private final RaftSettings settings;
    private final Executor completions;

    private final ReentrantLock lock = new ReentrantLock();
    private final Submitter submitter;
    // All guarded by lock.
    private final CommandQueue waiting;
    private final ForwardedQueue forwarded = new ForwardedQueue();
    private final ForwardOrder order = new ForwardOrder();
    private final Tickets tickets;
    private final Pace pace;
    private final Refusals refusals = new Refusals();
    private boolean stopped;
    private @Nullable EntryInFlight entryInFlight;
    private @Nullable Ticket forwardInFlight;

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
            CommitNews news,
            RaftSettings settings,
            Executor completions,
            long origin) {
        this.raft = raft;
        this.peers = peers;
        this.sink = sink;
        this.news = news;
        this.settings = settings;
        this.completions = completions;
        this.waiting = new CommandQueue(settings);
        this.tickets = new Tickets(origin);
        this.pace = new Pace(settings.batchWaitMax().toNanos(), System.nanoTime());
        this.submitter = new Submitter(lock, new Work());
    }

    /// Begins to submit.
    ///
    /// @param died told if the submitting thread dies: nothing would ever be written here again
    void start(Consumer<Throwable> died) {
        submitter.start(died);
    }

    boolean isOrigin(long candidate) {
        return candidate == tickets.origin();
    }

    /// Replicates `command`. Its size must have been checked before: it becomes a log entry as it is.
    public void propose(Command command, Completion completion) {
        long now = System.nanoTime();
        Pending pending =
                new Pending(command, now + settings.requestTimeout().toNanos(), completion);
        ProposalFailure refused = null;
        Runnable alone = null;
        lock.lock();
        try {
            if (stopped) {
                refused = ProposalFailure.STOPPED;
            } else if (waiting.add(pending, hasOwnUnderWay(), now)) {
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

    /// Commands of this node's clients that wait to be proposed.
    public int waitingCommands() {
        lock.lock();
        try {
            return waiting.size();
        } finally {
            lock.unlock();
        }
    }

    /// A follower's proposal, to be put into the log here if this node leads in the term in which it was sent, and no later one of that
    /// process has been.
    void forward(ForwardRequest request, Consumer<ForwardReply> callback) {
        Proposal proposal = request.getProposal();
        boolean accepted;
        Runnable alone = null;
        lock.lock();
        try {
            accepted =
                    !stopped
                            && !forwarded.isFull()
                            && raft.isReadyLeader()
                            && raft.term() == request.getTerm()
                            && order.take(request.getTerm(), proposal);
            if (accepted) {
                forwarded.add(
                        new Forwarded(
                                proposal,
                                request.getTerm(),
                                request.getRaftId(),
                                Math.clamp(
                                        request.getEarlyCommands(), 0, proposal.getCommandsCount()),
                                !request.getMayWait(),
                                callback));
                alone = takeAlone();
            }
        } finally {
            lock.unlock();
        }
        if (!accepted) {
            callback.accept(Forwarded.reply(ForwardReply.Result.NOT_APPENDED));
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
            submitter.wake();
        }
        return alone;
    }

    private boolean isUnderWay() {
        return entryInFlight != null || forwardInFlight != null;
    }

    /// Whether commands of this node's clients are under way.
    private boolean hasOwnUnderWay() {
        return forwardInFlight != null || (entryInFlight != null && entryInFlight.own() != null);
    }

    /// Commands that would make the next batch.
    private int commands() {
        return waiting.size() + forwarded.commands();
    }

    /// What the submitter sends.
    private final class Work implements Submitter.Source {
        @Override
        public @Nullable Runnable take() {
            return takeWork();
        }

        @Override
        public boolean isReady() {
            return commands() > 0 && !isUnderWay();
        }

        @Override
        public long nanosToNext() {
            if (commands() == 0 || entryInFlight != null) {
                return Long.MAX_VALUE;
            }
            boolean leads = raft.isReadyLeader();
            // Ratis doesn't always announce that a leader is there.
            return leads || (forwardInFlight == null && otherLeader() != null)
                    ? Proposer.this.nanosToWait(leads)
                    : Pace.RETRY_NANOS;
        }
    }

    /// What can be sent now, registered as under way, or null. Caller holds the lock, and this isn't stopped.
    private @Nullable Runnable takeWork() {
        // Read first: if it is older than this node's leadership, the entry isn't appended.
        long term = raft.term();
        boolean leads = raft.isReadyLeader();
        List<Forwarded> refused = forwarded.removeBefore(leads ? term : Long.MAX_VALUE);
        if (!refused.isEmpty()) {
            return () -> refused.forEach(f -> f.answer(ForwardReply.Result.NOT_APPENDED));
        }
        if (leads) {
            if (entryInFlight == null && commands() > 0 && nanosToWait(true) == 0) {
                EntryInFlight entry =
                        EntryInFlight.take(
                                forwarded, waiting, tickets, term, settings.batchBytesMax());
                pace.entryBegan(entry);
                entryInFlight = entry;
                return () -> sink.submit(entry.message(), cause -> submitFailed(entry, cause));
            }
            return null;
        }
        String leader = otherLeader();
        if (leader != null
                && forwardInFlight == null
                && !waiting.isEmpty()
                && nanosToWait(false) == 0) {
            Ticket ticket = tickets.take(waiting, settings.batchBytesMax());
            pace.proposalBegan(ticket.pendings.size());
            ticket.term = term;
            ticket.forwardedTo = leader;
            forwardInFlight = ticket;
            return () ->
                    peers.send(
                            leader,
                            ticket.request(raft.nodeId()),
                            reply -> onForwarded(ticket, reply));
        }
        return null;
    }

    /// The leader as far as this node knows, if it is another one.
    private @Nullable String otherLeader() {
        String leader = raft.leader();
        return leader == null || leader.equals(raft.nodeId()) ? null : leader;
    }

    /// How long what is there should wait: for more to come, or for the pause after a failure to be over. Caller holds the lock.
    private long nanosToWait(boolean leads) {
        return pace.nanosToWait(leads, commands(), isHurried(), System.nanoTime());
    }

    /// Whether something waits that shouldn't wait for more.
    boolean isHurried() {
        lock.lock();
        try {
            return waiting.isHurried() || forwarded.isHurried();
        } finally {
            lock.unlock();
        }
    }

    private void submitFailed(EntryInFlight entry, Throwable cause) {
        boolean undecided = !entry.message().withdraw();
        LOG.debug("an entry was not accepted, undecided {}", undecided, cause);
        List<Forwarded> unanswered = List.of();
        lock.lock();
        try {
            if (entryInFlight != null && entryInFlight.message() == entry.message()) {
                entryInFlight = null;
                unanswered = entry.takeForwarded();
            }
            if (undecided) {
                refusals.taken();
            } else {
                refusals.notAppended(cause, System.nanoTime());
            }
            Ticket own = entry.own();
            if (own != null && tickets.isRegistered(own)) {
                if (undecided) {
                    own.becomeUndecided(entry.message().appendTerm());
                } else {
                    putBack(own);
                }
            }
            retryLater();
        } finally {
            lock.unlock();
        }
        answer(unanswered, undecided);
    }

    private static void answer(List<Forwarded> failed, boolean undecided) {
        ForwardReply.Result result =
                undecided ? ForwardReply.Result.UNDECIDED : ForwardReply.Result.NOT_APPENDED;
        failed.forEach(f -> f.answer(result));
    }

    /// Lets what waits be sent again after a pause. Caller holds the lock.
    private void retryLater() {
        pace.retryLater(System.nanoTime());
        submitter.wake();
    }

    /// Queues a ticket's commands again, before all others, as they came first. Caller holds the lock.
    private void putBack(Ticket ticket) {
        tickets.remove(ticket.sequence());
        waiting.putBack(ticket.pendings);
    }

    private void onForwarded(Ticket ticket, @Nullable PeerReply reply) {
        ForwardReply.Result result =
                reply == null ? ForwardReply.Result.UNDECIDED : reply.getForward().getResult();
        if (reply != null && result == ForwardReply.Result.COMMITTED) {
            ForwardReply forward = reply.getForward();
            notePause(ticket, forward);
            if (forward.getIndex() > 0) {
                sink.committed(
                        ticket.forwardedTo, new LogPosition(forward.getTerm(), forward.getIndex()));
            }
            return;
        }
        lock.lock();
        try {
            if (!tickets.isRegistered(ticket)) {
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
            retryLater();
        } finally {
            lock.unlock();
        }
    }

    /// How long the next proposal had better wait once this one is applied, which it may be already.
    private void notePause(Ticket ticket, ForwardReply reply) {
        long nanos = TimeUnit.MICROSECONDS.toNanos(reply.getPauseUs());
        lock.lock();
        try {
            ticket.pauseNanos = nanos;
            if (!tickets.isRegistered(ticket) && forwardInFlight == null) {
                pace.pause(nanos, ticket.appliedNanos);
            }
        } finally {
            lock.unlock();
        }
    }

    /// An entry is about to be applied here. On the applying thread.
    void committed(LogPosition position, CommandBatch batch) {
        long index = position.index();
        List<Forwarded> told = List.of();
        List<Forwarded> waitFor = List.of();
        boolean noneFollowsAtOnce;
        long pauseNanos;
        lock.lock();
        try {
            pauseNanos = pace.nanosForOthers();
            EntryInFlight entry = entryInFlight;
            if (entry != null && entry.isFirstOf(batch)) {
                told = entry.takeForwarded(f -> news.leaveToAnswer(f.from(), index));
                waitFor = List.copyOf(entry.forwarded());
            }
            noneFollowsAtOnce = (commands() == 0 || pauseNanos > 0) && raft.isReadyLeader();
        } finally {
            lock.unlock();
        }
        for (Forwarded f : told) {
            f.answerCommitted(position, pauseNanos);
        }
        waitFor.forEach(f -> news.push(f.from(), index));
        if (noneFollowsAtOnce) {
            // Otherwise the next entry tells the followers.
            news.pushSoon(index);
        }
    }

    /// An entry was applied here. On the applying thread.
    void applied(LogPosition position, CommandBatch batch, List<List<Outcome>> outcomes) {
        List<Forwarded> answered = List.of();
        List<Runnable> completed = new ArrayList<>();
        long pauseNanos;
        lock.lock();
        try {
            pauseNanos = pace.nanosForOthers();
            EntryInFlight entry = entryInFlight;
            if (entry != null && entry.isFirstOf(batch)) {
                answered = entry.takeForwarded();
                entryInFlight = null;
                refusals.taken();
                pace.entryEnded(System.nanoTime());
            }
            for (int i = 0; i < batch.getProposalsCount(); i++) {
                Proposal proposal = batch.getProposals(i);
                if (isOrigin(proposal.getOrigin())) {
                    Ticket ticket = removeTicket(proposal.getSequence());
                    if (ticket != null) {
                        completed.add(completion(ticket, outcomes.get(i)));
                    }
                }
            }
            submitter.wake();
        } finally {
            lock.unlock();
        }
        completed.forEach(Runnable::run);
        for (Forwarded f : answered) {
            f.answerCommitted(LogPosition.NONE, pauseNanos);
        }
        advanced(position);
    }

    /// The ticket of an applied proposal, or null if its callers were told that they can't know. Caller holds the lock.
    private @Nullable Ticket removeTicket(long sequence) {
        Ticket ticket = tickets.remove(sequence);
        if (ticket != null && forwardInFlight == ticket) {
            forwardInFlight = null;
            ticket.appliedNanos = System.nanoTime();
            pace.proposalEnded(ticket.pauseNanos, ticket.appliedNanos);
        }
        return ticket;
    }

    /// Tells a ticket's callers, here or, if they are many, on another thread.
    private Runnable completion(Ticket ticket, List<Outcome> outcomes) {
        Runnable tell = () -> ticket.complete(outcomes);
        return ticket.pendings.size() <= INLINE_COMPLETIONS_MAX
                ? tell
                : () -> completions.execute(tell);
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
            submitter.wakeAnyway();
        } finally {
            lock.unlock();
        }
    }

    /// Called every few milliseconds while it says so, else now and then: fails what has waited too long.
    ///
    /// @return whether anything waits
    boolean tick(long nowNanos) {
        boolean busy;
        List<Pending> late;
        List<Forwarded> givenUp = List.of();
        boolean undecided = false;
        lock.lock();
        try {
            late = waiting.removeLate(nowNanos);
            if (commands() > 0) {
                submitter.wake();
            }
            EntryInFlight entry = entryInFlight;
            if (entry != null
                    && nowNanos - entry.beganNanos() >= settings.requestTimeout().toNanos()) {
                // Nothing else may wait for it for ever. A part of this node's own that isn't
                // appended
                // has come to its deadline.
                entryInFlight = null;
                givenUp = entry.takeForwarded();
                undecided = !entry.message().withdraw();
                Ticket own = entry.own();
                if (own != null && undecided) {
                    own.becomeUndecided(entry.message().appendTerm());
                }
            }
            busy = commands() > 0 || isUnderWay() || !tickets.isEmpty();
        } finally {
            lock.unlock();
        }
        answer(givenUp, undecided);
        late.forEach(pending -> pending.completion().failed(ProposalFailure.TIMED_OUT));
        failTickets(
                ticket -> nowNanos - ticket.pendings.getFirst().deadlineNanos() >= 0,
                ProposalFailure.TIMED_OUT);
        return busy;
    }

    private void failTickets(Predicate<Ticket> which, ProposalFailure failure) {
        List<Ticket> failed;
        lock.lock();
        try {
            failed = tickets.removeIf(which);
            if (forwardInFlight != null && failed.contains(forwardInFlight)) {
                forwardInFlight = null;
            }
        } finally {
            lock.unlock();
        }
        failed.forEach(ticket -> completions.execute(() -> ticket.fail(failure)));
    }

    /// For how long Ratis has refused every entry for want of room, nanoseconds; 0 if it takes them.
    long refusedNanos(long nowNanos) {
        lock.lock();
        try {
            return refusals.nanos(nowNanos);
        } finally {
            lock.unlock();
        }
    }

    /// Fails what waits; what is under way already ends as undecided.
    void stop() {
        List<Pending> left;
        lock.lock();
        try {
            stopped = true;
            left = waiting.removeAll();
            submitter.stop();
        } finally {
            lock.unlock();
        }
        left.forEach(pending -> pending.completion().failed(ProposalFailure.STOPPED));
        failTickets(ticket -> true, ProposalFailure.LEADER_LOST);
    }
}
