package io.lattice.statemachine.mvcc;

import java.util.Arrays;

/// All keyspaces at one applied position. Immutable; a sorted array, since a new one is made for every log entry and looked
/// up for every read.
final class Keyspaces {
    static final Keyspaces NONE = new Keyspaces(new Keyspace[0]);

    private final Keyspace[] sortedById;

    private Keyspaces(Keyspace[] sortedById) {
        this.sortedById = sortedById;
    }

    /// The keyspace; an empty one if nothing was ever written to it.
    Keyspace get(int id) {
        int at = find(id);
        return at >= 0 ? sortedById[at] : Keyspace.empty(id);
    }

    Keyspaces with(Keyspace keyspace) {
        int at = find(keyspace.id());
        if (at >= 0) {
            Keyspace[] copy = sortedById.clone();
            copy[at] = keyspace;
            return new Keyspaces(copy);
        }
        int insertAt = -at - 1;
        Keyspace[] copy = Arrays.copyOf(sortedById, sortedById.length + 1);
        System.arraycopy(sortedById, insertAt, copy, insertAt + 1, sortedById.length - insertAt);
        copy[insertAt] = keyspace;
        return new Keyspaces(copy);
    }

    Iterable<Keyspace> all() {
        return Arrays.asList(sortedById);
    }

    private int find(int id) {
        int low = 0;
        int high = sortedById.length - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            int order = Integer.compareUnsigned(sortedById[middle].id(), id);
            if (order == 0) {
                return middle;
            }
            if (order < 0) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return -low - 1;
    }
}
