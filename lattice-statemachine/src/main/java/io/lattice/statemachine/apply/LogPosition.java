package io.lattice.statemachine.apply;

/// The place of an entry in the Raft log.
///
/// @param term the term in which the entry was proposed
/// @param index its index, from 0 on; -1 stands for "nothing yet"
public record LogPosition(long term, long index) {
    /// Before the first entry.
    public static final LogPosition NONE = new LogPosition(0, -1);
}
