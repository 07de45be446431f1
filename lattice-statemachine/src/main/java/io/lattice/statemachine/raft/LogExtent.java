package io.lattice.statemachine.raft;

/// What the Raft log on disk held when the process started.
///
/// @param first index of its first entry; -1 if there is none
/// @param last index of its last entry; -1 if there is none
public record LogExtent(long first, long last) {
    /// No entries.
    public static final LogExtent NONE = new LogExtent(-1, -1);

    public boolean isEmpty() {
        return last < 0;
    }

    /// This and another part of the same log.
    public LogExtent and(long otherFirst, long otherLast) {
        return new LogExtent(
                first < 0 ? otherFirst : Math.min(first, otherFirst), Math.max(last, otherLast));
    }
}
