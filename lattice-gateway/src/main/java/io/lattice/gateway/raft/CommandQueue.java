package io.lattice.gateway.raft;

import io.lattice.proto.command.Command;
import io.lattice.proto.command.Proposal;
import io.lattice.statemachine.storage.KeyCodec;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The commands of this node's clients that wait to be proposed, bounded in number and bytes. Those of one tenant are in the
/// order in which they came. Tenants take turns by the bytes that their commands have (deficit round robin), so that one
/// command of a tenant is in the next batch however many another has waiting. The cluster's own commands go first.
///
/// A batch takes as long as it is large. So while several tenants are there, none may put more than a small part into one:
/// the others' commands would wait for it.
///
/// Beyond the bounds, tenants that have more than a small share waiting are refused.
///
/// It also tells which tenants' commands come as a stream ([StreamDetector]), and so may wait for more of them.
///
/// Not thread-safe: the proposer guards it.
final class CommandQueue {
    /// What a tenant may take in its turn.
    private static final int QUANTUM_BYTES = 4 << 10;

    /// What a command costs beside its bytes.
    private static final int COMMAND_BYTES = 128;

    /// What one tenant may put into a batch while there are others.
    private static final int SHARED_COMMANDS_MAX = 128;

    private static final int SHARED_BYTES_MAX = 256 << 10;

    /// The part of the queue that a tenant may use however full it is.
    private static final int RESERVED_PART = 16;

    private static final int RESERVED_COMMANDS_MAX = 64;

    /// Batches without a command of a tenant's after which it isn't there any more.
    private static final int IDLE_BATCHES_MAX = 1_000;

    private final RaftSettings settings;

    /// The cluster's own commands, and those that were taken before.
    private final ArrayDeque<Pending> first = new ArrayDeque<>();

    /// The tenants that are there, by keyspace.
    private final Map<Integer, Lane> lanes = new HashMap<>();

    /// Those that have something waiting, the one whose turn it is first.
    private final ArrayDeque<Lane> turns = new ArrayDeque<>();

    private int size;
    private long bytes;
    private long batches;

    /// How many of [#turns] hurry.
    private int hurriedLanes;

    private int early;

    /// Whether [#first] may hold commands that were put back.
    private boolean hasPutBack;

    /// A command and its caller.
    ///
    /// @param deadlineNanos of System.nanoTime
    record Pending(Command command, long deadlineNanos, Proposer.Completion completion) {
        private int bytes() {
            return command.getSerializedSize();
        }
    }

    /// One tenant's commands.
    private static final class Lane {
        private final ArrayDeque<Pending> waiting = new ArrayDeque<>();
        private final StreamDetector arrivals = new StreamDetector();
        private boolean hurried;
        private long bytes;
        private long usedBatch;
        private long takenBatch;
        private long deficitBytes;
        private boolean inTurn;
        private int batchCommands;
        private long batchBytes;

        private Pending head() {
            return waiting.getFirst();
        }
    }

    CommandQueue(RaftSettings settings) {
        this.settings = settings;
    }

    boolean isEmpty() {
        return size == 0;
    }

    int size() {
        return size;
    }

    /// Whether the next command fits into so many bytes.
    boolean firstFits(long bytesMax) {
        Pending next =
                !first.isEmpty()
                        ? first.getFirst()
                        : turns.isEmpty() ? null : turns.getFirst().head();
        return next != null && next.bytes() <= bytesMax;
    }

    /// Whether a command waits that shouldn't wait for more: of a tenant that has no stream of them, or one that was put back.
    boolean isHurried() {
        return hurriedLanes > 0 || hasPutBack || settings.batchWaitMax().isZero();
    }

    /// How many commands have come early since this was last asked: while the batch that was taken last was under way, if it held others of their
    /// tenant, or if that has a stream.
    int takeEarly() {
        int taken = early;
        early = 0;
        return taken;
    }

    /// Appends a command, or answers false if the queue is full.
    ///
    /// @param underWay whether the batch that was taken last is still under way
    boolean add(Pending pending, boolean underWay, long nowNanos) {
        int keyspace = pending.command.getKeyspace();
        Lane lane = keyspace == KeyCodec.STORE_KEYSPACE ? null : lane(keyspace);
        if (isFull(pending, lane)) {
            return false;
        }
        if (lane == null) {
            first.addLast(pending);
        } else {
            if (lane.waiting.isEmpty()) {
                turns.addLast(lane);
            }
            lane.waiting.addLast(pending);
            lane.bytes += pending.bytes();
            noteArrival(lane, underWay, nowNanos);
        }
        count(pending, 1);
        return true;
    }

    private void noteArrival(Lane lane, boolean underWay, long nowNanos) {
        boolean meetsOthers = underWay && lane.takenBatch == batches;
        lane.arrivals.came(meetsOthers, nowNanos);
        boolean stream = lane.arrivals.isStream();
        early += meetsOthers || (underWay && stream) ? 1 : 0;
        if (!lane.hurried && !stream) {
            lane.hurried = true;
            hurriedLanes++;
        }
    }

    /// Nothing of it waits any more.
    private void emptied(Lane lane) {
        lane.deficitBytes = 0;
        if (lane.hurried) {
            lane.hurried = false;
            hurriedLanes--;
        }
    }

    private Lane lane(int keyspace) {
        Lane lane = lanes.computeIfAbsent(keyspace, _ -> new Lane());
        lane.usedBatch = batches;
        return lane;
    }

    private boolean isFull(Pending pending, @Nullable Lane lane) {
        boolean full =
                size >= settings.queueCommandsMax()
                        || bytes + pending.bytes() > settings.queueBytesMax();
        if (!full || lane == null) {
            return full;
        }
        int reserved = Math.min(RESERVED_COMMANDS_MAX, settings.queueCommandsMax() / RESERVED_PART);
        return lane.waiting.size() >= reserved
                || lane.bytes + pending.bytes() > settings.queueBytesMax() / RESERVED_PART;
    }

    private void count(Pending pending, int sign) {
        size += sign;
        bytes += (long) sign * pending.bytes();
    }

    /// Moves commands into a proposal, at least one, as many as the limits let in.
    List<Pending> takeInto(Proposal.Builder proposal, long bytesMax) {
        batches++;
        Taking taking = new Taking(proposal, bytesMax);
        while (!first.isEmpty() && taking.fits(first.getFirst())) {
            taking.take(first.removeFirst());
        }
        if (first.isEmpty()) {
            hasPutBack = false;
            takeInTurns(taking);
        }
        forgetIdle();
        return taking.taken;
    }

    private void takeInTurns(Taking taking) {
        boolean shared = lanes.size() > 1;
        List<Lane> satisfied = new ArrayList<>();
        turns.forEach(lane -> {
            lane.batchCommands = 0;
            lane.batchBytes = 0;
        });
        while (!turns.isEmpty()) {
            Lane lane = turns.getFirst();
            if (!lane.inTurn) {
                lane.inTurn = true;
                lane.deficitBytes += QUANTUM_BYTES;
            }
            while (!lane.waiting.isEmpty() && cost(lane) <= lane.deficitBytes) {
                if (!taking.fits(lane.head())) {
                    // Its turn goes on with the next batch.
                    turns.addAll(satisfied);
                    return;
                }
                if (shared && hasItsShare(lane)) {
                    break;
                }
                lane.deficitBytes -= cost(lane);
                Pending next = lane.waiting.removeFirst();
                lane.bytes -= next.bytes();
                lane.batchCommands++;
                lane.batchBytes += next.bytes();
                lane.takenBatch = batches;
                taking.take(next);
            }
            turns.removeFirst();
            lane.inTurn = false;
            if (lane.waiting.isEmpty()) {
                emptied(lane);
            } else if (shared && hasItsShare(lane)) {
                lane.deficitBytes = 0;
                satisfied.add(lane);
            } else {
                turns.addLast(lane);
            }
        }
        turns.addAll(satisfied);
    }

    private static long cost(Lane lane) {
        return COMMAND_BYTES + (long) lane.head().bytes();
    }

    private static boolean hasItsShare(Lane lane) {
        return lane.batchCommands >= SHARED_COMMANDS_MAX
                || (lane.batchCommands > 0
                        && lane.batchBytes + lane.head().bytes() > SHARED_BYTES_MAX);
    }

    private void forgetIdle() {
        if (lanes.size() > 1) {
            lanes.values()
                    .removeIf(lane ->
                            lane.waiting.isEmpty() && batches - lane.usedBatch > IDLE_BATCHES_MAX);
        }
    }

    /// A batch being filled.
    private final class Taking {
        private final Proposal.Builder proposal;
        private final long bytesMax;
        private final List<Pending> taken =
                new ArrayList<>(Math.min(size, settings.batchCommandsMax()));
        private long takenBytes;

        Taking(Proposal.Builder proposal, long bytesMax) {
            this.proposal = proposal;
            this.bytesMax = bytesMax;
        }

        private boolean fits(Pending next) {
            return taken.isEmpty()
                    || (taken.size() < settings.batchCommandsMax()
                            && takenBytes + next.bytes() <= bytesMax);
        }

        private void take(Pending next) {
            count(next, -1);
            takenBytes += next.bytes();
            proposal.addCommands(next.command);
            taken.add(next);
        }
    }

    /// Queues commands again, before all others, as they came first.
    void putBack(List<Pending> taken) {
        hasPutBack = true;
        for (int i = taken.size() - 1; i >= 0; i--) {
            first.addFirst(taken.get(i));
            count(taken.get(i), 1);
        }
    }

    /// Removes the commands whose time is up. One that was put back may stand before younger ones, never behind.
    List<Pending> removeLate(long nowNanos) {
        List<Pending> late = List.of();
        for (Pending next = pollLate(nowNanos); next != null; next = pollLate(nowNanos)) {
            if (late.isEmpty()) {
                late = new ArrayList<>();
            }
            late.add(next);
        }
        return late;
    }

    private @Nullable Pending pollLate(long nowNanos) {
        if (!first.isEmpty() && isLate(first.getFirst(), nowNanos)) {
            Pending late = first.removeFirst();
            count(late, -1);
            hasPutBack &= !first.isEmpty();
            return late;
        }
        Lane lane = laneWithLate(nowNanos);
        if (lane == null) {
            return null;
        }
        Pending late = lane.waiting.removeFirst();
        lane.bytes -= late.bytes();
        count(late, -1);
        if (lane.waiting.isEmpty()) {
            turns.remove(lane);
            lane.inTurn = false;
            emptied(lane);
        }
        return late;
    }

    private @Nullable Lane laneWithLate(long nowNanos) {
        for (Lane lane : turns) {
            if (isLate(lane.head(), nowNanos)) {
                return lane;
            }
        }
        return null;
    }

    private static boolean isLate(Pending pending, long nowNanos) {
        return nowNanos - pending.deadlineNanos >= 0;
    }

    /// Empties the queue.
    List<Pending> removeAll() {
        List<Pending> all = new ArrayList<>(first);
        turns.forEach(lane -> all.addAll(lane.waiting));
        first.clear();
        lanes.clear();
        turns.clear();
        hurriedLanes = 0;
        hasPutBack = false;
        size = 0;
        bytes = 0;
        return all;
    }
}
