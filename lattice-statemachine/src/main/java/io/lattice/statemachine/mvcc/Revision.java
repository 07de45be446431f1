package io.lattice.statemachine.mvcc;

/// When a change happened: the keyspace's main revision, which all changes of one transaction share, and the place of the
/// change within it.
///
/// @param main from 2 on; 1 is the empty keyspace
/// @param sub from 0 on
public record Revision(long main, int sub) implements Comparable<Revision> {
    /// The revision of an empty keyspace.
    public static final long EMPTY = 1;

    /// The compact revision of a keyspace that was never compacted, etcd's own initial value.
    public static final long NEVER_COMPACTED = -1;

    @Override
    public int compareTo(Revision other) {
        int byMain = Long.compare(main, other.main);
        return byMain != 0 ? byMain : Integer.compare(sub, other.sub);
    }
}
