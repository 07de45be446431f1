package io.lattice.it.failover;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Judges a history by the clock: what was acknowledged before something else began has to be seen by
/// it. All times are of one machine's monotonic clock.
final class RealTime {
    private RealTime() {}

    /// What broke the order: writes whose revision is not above that of every write acknowledged before
    /// they began, reads that are older than a write acknowledged or a read answered before they began.
    static List<Violation> violations(History history) {
        List<Violation> found = new ArrayList<>();
        new Sweep(history, found::add).run();
        return found;
    }

    /// Something that ended, and what it proved.
    private record Known(long end, @Nullable Write write, @Nullable Read read) {
        long revision() {
            if (write != null) {
                return write.revision();
            }
            return read == null ? 0 : read.headerRevision();
        }

        @Override
        public String toString() {
            return String.valueOf(write != null ? write : read);
        }
    }

    /// Walks through all operations by their start and keeps what had ended by then.
    private static final class Sweep {
        private final History history;
        private final Consumer<Violation> report;
        private final PriorityQueue<Known> pending =
                new PriorityQueue<>(Comparator.comparingLong(Known::end));
        private final Map<String, Write> newest = new HashMap<>();
        private final Map<String, Read> newestRead = new HashMap<>();
        private @Nullable Known highestWrite;
        private @Nullable Known highest;

        Sweep(History history, Consumer<Violation> report) {
            this.history = history;
            this.report = report;
        }

        private record Begun(long start, @Nullable Write write, @Nullable Read read) {}

        void run() {
            List<Begun> operations = new ArrayList<>();
            for (Write write : history.writes()) {
                if (write.isAcknowledged()) {
                    operations.add(new Begun(write.start(), write, null));
                }
            }
            for (Read read : history.reads()) {
                operations.add(new Begun(read.start(), null, read));
            }
            operations.sort(Comparator.comparingLong(Begun::start));
            for (Begun operation : operations) {
                learnUntil(operation.start());
                if (operation.write() != null) {
                    check(operation.write());
                    pending.add(new Known(operation.write().end(), operation.write(), null));
                } else if (operation.read() != null) {
                    check(operation.read());
                    pending.add(new Known(operation.read().end(), null, operation.read()));
                }
            }
        }

        private void learnUntil(long time) {
            while (!pending.isEmpty() && pending.peek().end() < time) {
                Known known = pending.remove();
                if (highest == null || known.revision() > highest.revision()) {
                    highest = known;
                }
                Write write = known.write();
                Read read = known.read();
                if (write != null) {
                    if (highestWrite == null || known.revision() > highestWrite.revision()) {
                        highestWrite = known;
                    }
                    newest.merge(
                            write.key(),
                            write,
                            (old, other) -> old.number() >= other.number() ? old : other);
                } else if (read != null) {
                    newestRead.merge(
                            read.key(),
                            read,
                            (old, other) -> old.number() >= other.number() ? old : other);
                }
            }
        }

        private void check(Write write) {
            if (highestWrite != null && write.revision() <= highestWrite.revision()) {
                report.accept(
                        new Violation(
                                Violation.Kind.DISORDERED,
                                "a later write has no higher revision",
                                List.of(highestWrite.toString(), write.toString())));
            }
        }

        private void check(Read read) {
            Write write = newest.get(read.key());
            if (write != null && read.number() < write.number()) {
                stale("a read misses a write acknowledged before it began", write, read);
            }
            Read earlier = newestRead.get(read.key());
            if (earlier != null && read.number() < earlier.number()) {
                stale("a read is older than one answered before it began", earlier, read);
            }
            if (highest != null && read.headerRevision() < highest.revision()) {
                stale("a read's store revision goes back", highest, read);
            }
        }

        private void stale(String what, Object before, Read read) {
            report.accept(
                    new Violation(
                            Violation.Kind.STALE,
                            what,
                            List.of(before.toString(), read.toString())));
        }
    }
}
