package io.lattice.gateway.observability;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/// Counts durations in fixed buckets. Recording is two additions on striped counters, so it may stand on any hot path.
/// Thread-safe; a reader may see a duration in a bucket and not yet in the sum.
public final class DurationHistogram {
    private static final long[] FSYNC_MICROS = {
        125, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000,
        512_000, 1_024_000, 2_048_000, 4_096_000, 8_192_000
    };
    private static final long[] REQUEST_MICROS = {
        50,
        100,
        250,
        500,
        1_000,
        2_500,
        5_000,
        10_000,
        25_000,
        50_000,
        100_000,
        250_000,
        500_000,
        1_000_000,
        2_500_000,
        5_000_000,
        10_000_000
    };

    private final long[] boundsNanos;
    private final LongAdder[] counts;
    private final LongAdder sumNanos = new LongAdder();

    private DurationHistogram(long[] boundsMicros) {
        this.boundsNanos = new long[boundsMicros.length];
        this.counts = new LongAdder[boundsMicros.length + 1];
        for (int i = 0; i < boundsMicros.length; i++) {
            boundsNanos[i] = TimeUnit.MICROSECONDS.toNanos(boundsMicros[i]);
        }
        for (int i = 0; i < counts.length; i++) {
            counts[i] = new LongAdder();
        }
    }

    /// With the buckets of etcd's disk histograms, 1 ms to 8.192 s, and three finer ones below.
    public static DurationHistogram ofDisk() {
        return new DurationHistogram(FSYNC_MICROS);
    }

    /// With buckets from 50 us to 10 s.
    public static DurationHistogram ofRequests() {
        return new DurationHistogram(REQUEST_MICROS);
    }

    /// Counts one duration.
    public void record(long nanos) {
        int bucket = 0;
        while (bucket < boundsNanos.length && nanos > boundsNanos[bucket]) {
            bucket++;
        }
        counts[bucket].increment();
        sumNanos.add(nanos);
    }

    /// What was recorded so far.
    ///
    /// @param boundsSeconds upper bounds of all buckets but the last, which has none
    /// @param cumulative durations up to each bound; the last one counts all
    public record Reading(List<Double> boundsSeconds, List<Long> cumulative, double sumSeconds) {
        /// Copies the lists.
        public Reading {
            boundsSeconds = List.copyOf(boundsSeconds);
            cumulative = List.copyOf(cumulative);
        }

        private Reading plus(Reading other) {
            List<Long> sums = new ArrayList<>();
            for (int i = 0; i < cumulative.size(); i++) {
                sums.add(cumulative.get(i) + other.cumulative.get(i));
            }
            return new Reading(boundsSeconds, sums, sumSeconds + other.sumSeconds);
        }

        /// How many durations were recorded.
        public long count() {
            return cumulative.getLast();
        }
    }

    /// The sum of several that have the same buckets.
    static Reading sum(List<DurationHistogram> parts) {
        Reading sum = null;
        for (DurationHistogram part : parts) {
            Reading reading = part.read();
            sum = sum == null ? reading : sum.plus(reading);
        }
        return sum == null ? ofDisk().read() : sum;
    }

    /// Reads all buckets.
    public Reading read() {
        List<Double> bounds = new ArrayList<>();
        for (long nanos : boundsNanos) {
            bounds.add(nanos / 1e9);
        }
        List<Long> cumulative = new ArrayList<>();
        long total = 0;
        for (LongAdder count : counts) {
            total += count.sum();
            cumulative.add(total);
        }
        return new Reading(bounds, cumulative, sumNanos.sum() / 1e9);
    }
}
