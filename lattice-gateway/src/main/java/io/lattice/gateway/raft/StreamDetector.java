package io.lattice.gateway.raft;

/// Tells whether one tenant's commands come as a stream: at times of their own, whoever was answered last.
///
/// A client that comes back when it is answered has nothing under way when it does. Of a stream, commands come then too: as large a part of them as
/// the part of time in which some are under way, which is a third where a batch waits twice as long as it takes. A tenant with few
/// commands seldom has two at once: it is no stream either, and nobody has to wait for its next.
///
/// Not thread-safe: the owner guards it.
final class StreamDetector {
    /// A command counts for so much less with each one after it.
    private static final double DECAY = 63.0 / 64;

    /// The least part of a stream's commands that come while others are under way.
    private static final double PART_MIN = 1.0 / 8;

    /// So many that it isn't chance.
    private static final double COMMANDS_MIN = 4;

    private double commands;
    private double early;

    /// A command came.
    ///
    /// @param whileUnderWay whether another of the tenant's was under way
    void came(boolean whileUnderWay) {
        commands = DECAY * commands + 1;
        early = DECAY * early + (whileUnderWay ? 1 : 0);
    }

    boolean isStream() {
        return early >= COMMANDS_MIN && early >= PART_MIN * commands;
    }
}
