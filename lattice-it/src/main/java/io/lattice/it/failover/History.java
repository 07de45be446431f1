package io.lattice.it.failover;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// What the clients of one round saw. Thread safe.
final class History {
    private final List<Write> writes = new ArrayList<>();
    private final List<Read> reads = new ArrayList<>();
    private final Map<String, Long> acknowledgedByNode = new HashMap<>();
    private long acknowledged;
    private long failedReads;

    /// @param node the node that the write went to
    synchronized void add(String node, Write write) {
        writes.add(write);
        if (write.isAcknowledged()) {
            acknowledged++;
            acknowledgedByNode.merge(node, 1L, Long::sum);
        }
    }

    synchronized void add(Read read) {
        reads.add(read);
    }

    synchronized void readFailed() {
        failedReads++;
    }

    synchronized List<Write> writes() {
        return List.copyOf(writes);
    }

    synchronized List<Read> reads() {
        return List.copyOf(reads);
    }

    synchronized long failedReads() {
        return failedReads;
    }

    synchronized long acknowledged() {
        return acknowledged;
    }

    /// Acknowledgements that came through one node.
    synchronized long acknowledged(String node) {
        return acknowledgedByNode.getOrDefault(node, 0L);
    }

    synchronized long count(Write.Outcome outcome) {
        return writes.stream().filter(write -> write.outcome() == outcome).count();
    }

    /// The longest time, in nanoseconds, between two successive acknowledgements by anyone.
    synchronized long longestGapNanos() {
        long[] times =
                writes.stream()
                        .filter(Write::isAcknowledged)
                        .mapToLong(Write::end)
                        .sorted()
                        .toArray();
        long longest = 0;
        for (int i = 1; i < times.length; i++) {
            longest = Math.max(longest, times[i] - times[i - 1]);
        }
        return longest;
    }

    /// The writes of one key, by their start.
    synchronized List<Write> writesOf(String key) {
        return writes.stream()
                .filter(write -> write.key().equals(key))
                .sorted(Comparator.comparingLong(Write::start))
                .toList();
    }
}
