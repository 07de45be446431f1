package io.lattice.gateway.raft;

import java.util.concurrent.TimeUnit;

/// Lets a leader's entries wait for commands that come as a stream: from many writers at times of their own, whoever was answered last.
/// [BatchPacer] waits for clients that come back when they were answered, and would never wait for these: whenever an entry is done,
/// a few are there, and get an entry of their own, for the CPU of one that holds fifty.
///
/// Writers that come back on their answer leave a mark: none of a tenant's comes while the node has a batch under way that holds them all. Of a
/// stream, as many come then as in any other time. So commands that came then are counted on each node, and forwarded with
/// the batch. If their part is at least half of the part of time that entries are under way, it is a stream, and if the
/// wait brings company at all, the next entry waits twice as long as an entry takes. What comes in its third quarter and
/// is forwarded by another node is still in time: others are told to wait so long. Half is far from both: it is
/// nothing or, if clients take turns in two batches, half or all, and then a wait brings them together.
///
/// A batch that is large should go at once: what is fixed of its cost is shared by enough.
///
/// Not thread-safe: the owner guards it.
final class StreamPacer {
    /// Commands among which an entry's fixed cost hardly counts.
    private static final int ENOUGH = 64;

    /// The wait, in times that an entry takes.
    private static final double PATIENCE = 2;

    /// Commands that a wait must bring to be worth it.
    private static final double COMPANY_MIN = 2;

    /// An entry counts for so much less with each one after it.
    private static final double DECAY = 15.0 / 16;

    /// A pause between two entries counts for no more than this.
    private static final long CYCLE_NANOS_MAX = TimeUnit.MILLISECONDS.toNanos(100);

    private final long nanosMax;

    // Sums over the last entries, decayed.
    private double entries;
    private double commands;
    private double early;
    private double underWayNanos;
    private double cycleNanos;

    private long beganNanos;
    private long endedNanos;
    private long waitNanos;

    /// @param nanosMax the longest wait; with 0 none waits
    StreamPacer(long nanosMax, long nowNanos) {
        this.nanosMax = nanosMax;
        this.beganNanos = nowNanos;
        this.endedNanos = nowNanos - nanosMax;
    }

    /// Whether so many needn't wait for more.
    static boolean isEnough(int waiting) {
        return waiting >= ENOUGH;
    }

    /// An entry was sent.
    ///
    /// @param earlyCommands those that came while the node that took them had others of the same tenant under way, or had any and their tenant
    ///     has a stream
    void began(int entryCommands, int earlyCommands, long nowNanos) {
        cycleNanos = DECAY * cycleNanos + Math.min(CYCLE_NANOS_MAX, nowNanos - beganNanos);
        beganNanos = nowNanos;
        entries = DECAY * entries + 1;
        commands = DECAY * commands + entryCommands;
        early = DECAY * early + earlyCommands;
    }

    /// The entry has been applied.
    void ended(long nowNanos) {
        underWayNanos = DECAY * underWayNanos + Math.min(CYCLE_NANOS_MAX, nowNanos - beganNanos);
        endedNanos = nowNanos;
        long patience = Math.min(nanosMax, (long) (PATIENCE * underWayNanos / entries));
        boolean stream = early * cycleNanos >= commands * underWayNanos / 2;
        // By the rate of those that came early: writers that come back are no company to wait for.
        boolean company = early * patience >= COMPANY_MIN * underWayNanos;
        waitNanos = stream && company ? patience : 0;
    }

    /// How many of an entry's commands aren't the stream's that it has waited for, by the part of it that the stream has had of late. At least one.
    int commandsThatComeBack(int entryCommands) {
        if (waitNanos == 0) {
            return entryCommands;
        }
        double part = Math.min(1, early * cycleNanos / (commands * underWayNanos));
        return Math.max(1, (int) Math.round(entryCommands * (1 - part)));
    }

    /// Nanoseconds that an entry that isn't large should still wait, 0 if it should go now.
    long nanosToWait(long nowNanos) {
        return waitNanos == 0 ? 0 : Math.max(0, endedNanos + waitNanos - nowNanos);
    }

    /// How long, from the end of an entry that holds one, another node should wait before it forwards the next, nanoseconds.
    long nanosForOthers() {
        return waitNanos * 3 / 4;
    }
}
