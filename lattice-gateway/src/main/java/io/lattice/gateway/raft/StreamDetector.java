package io.lattice.gateway.raft;

import java.util.concurrent.TimeUnit;

/// Tells whether one tenant's commands come as a stream: at times of their own, whoever was answered last.
///
/// Of clients that come back when they are answered, none comes while a batch is under way that holds the commands of all of them. Of a stream,
/// commands come then too: as large a part of them as the part of time in which some are under way, which is a third where a batch waits
/// twice as long as it takes. Clients that take turns in two batches look like a stream until a wait brings them together, and
/// for a hundred commands more. A tenant with few commands seldom has two at once: it is no stream either.
///
/// Not thread-safe: the owner guards it.
final class StreamDetector {
    /// A command counts for so much less with each one after it.
    private static final double DECAY = 63.0 / 64;

    /// The least part of a stream's commands that come while others are under way.
    private static final double PART_MIN = 1.0 / 8;

    /// So many that it isn't chance.
    private static final double COMMANDS_MIN = 4;

    /// After a pause as long as this nothing is known any more: whoever wrote then may not write now.
    private static final long PAUSE_NANOS_MAX = TimeUnit.MILLISECONDS.toNanos(200);

    private double commands;
    private double early;
    private long lastNanos;

    /// A command came.
    ///
    /// @param whileUnderWay whether another of the tenant's was under way
    void came(boolean whileUnderWay, long nowNanos) {
        if (nowNanos - lastNanos > PAUSE_NANOS_MAX) {
            commands = 0;
            early = 0;
        }
        lastNanos = nowNanos;
        commands = DECAY * commands + 1;
        early = DECAY * early + (whileUnderWay ? 1 : 0);
    }

    boolean isStream() {
        return early >= COMMANDS_MIN && early >= PART_MIN * commands;
    }
}
