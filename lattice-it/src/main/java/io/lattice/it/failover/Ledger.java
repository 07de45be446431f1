package io.lattice.it.failover;

import io.lattice.it.failover.Violation.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Everything that was written in all rounds, held against what the store has.
///
/// Numbered keys are put once, so each must be there once and untouched, with the revision of its
/// acknowledgement. Registers are put again and again by one writer each. Nothing else writes, so the
/// store's revision must be exactly its starting one plus the puts that can be seen: an application
/// too many shows there, whatever key it hit.
final class Ledger {
    private final long startRevision;
    private final Map<String, Write> numbered = new HashMap<>();
    private final Map<String, List<Write>> registers = new HashMap<>();
    private final Map<Long, Write> byRevision = new HashMap<>();
    private long acknowledged;

    /// @param startRevision the store's revision before the first write
    Ledger(long startRevision) {
        this.startRevision = startRevision;
    }

    /// What a key holds.
    record Entry(long number, long createRevision, long modRevision, long version) {}

    long acknowledged() {
        return acknowledged;
    }

    /// Adds a round's writes.
    ///
    /// @return acknowledgements that share a revision
    List<Violation> enter(List<Write> writes) {
        List<Violation> found = new ArrayList<>();
        for (Write write : writes) {
            if (Workload.isRegister(write.key())) {
                registers.computeIfAbsent(write.key(), key -> new ArrayList<>()).add(write);
            } else {
                numbered.put(write.key(), write);
            }
            if (write.isAcknowledged()) {
                acknowledged++;
                Write other = byRevision.put(write.revision(), write);
                if (other != null) {
                    found.add(
                            new Violation(
                                    Kind.DISORDERED,
                                    "two writes were acknowledged with one revision",
                                    List.of(other.toString(), write.toString())));
                }
            }
        }
        return found;
    }

    /// Checks all that was ever entered.
    ///
    /// @param present all keys of the run at `revision`
    List<Violation> audit(Map<String, Entry> present, long revision) {
        List<Violation> found = new ArrayList<>();
        numbered.values().forEach(write -> auditNumbered(write, present, found));
        registers.forEach((key, writes) -> auditRegister(key, writes, present, found));
        Set<String> unknown = new HashSet<>(present.keySet());
        unknown.removeAll(numbered.keySet());
        unknown.removeAll(registers.keySet());
        if (!unknown.isEmpty()) {
            found.add(new Violation(Kind.DOUBLED, "keys that nobody wrote", List.copyOf(unknown)));
        }
        long puts = present.values().stream().mapToLong(Entry::version).sum();
        if (startRevision + puts != revision) {
            found.add(
                    new Violation(
                            startRevision + puts < revision ? Kind.DOUBLED : Kind.LOST,
                            "the store is at revision %d, but started at %d and shows %d puts"
                                    .formatted(revision, startRevision, puts),
                            List.of()));
        }
        return found;
    }

    private static void auditNumbered(
            Write write, Map<String, Entry> present, List<Violation> found) {
        Entry entry = present.get(write.key());
        if (entry == null) {
            if (write.isAcknowledged()) {
                found.add(
                        new Violation(
                                Kind.LOST,
                                "an acknowledged write is missing",
                                List.of(write.toString())));
            }
            return;
        }
        List<String> evidence = List.of(write.toString(), entry.toString());
        if (write.outcome() == Write.Outcome.FAILED) {
            found.add(new Violation(Kind.FALSE_FAILURE, "a write that failed is there", evidence));
        }
        if (entry.version() != 1 || entry.createRevision() != entry.modRevision()) {
            found.add(new Violation(Kind.DOUBLED, "a write was applied twice", evidence));
        } else if (entry.number() != write.number()
                || (write.isAcknowledged() && entry.modRevision() != write.revision())) {
            found.add(new Violation(Kind.LOST, "a write is not as it was acknowledged", evidence));
        }
    }

    private static void auditRegister(
            String key, List<Write> writes, Map<String, Entry> present, List<Violation> found) {
        long certain = writes.stream().filter(Write::isAcknowledged).count();
        long possible =
                writes.stream().filter(write -> write.outcome() != Write.Outcome.FAILED).count();
        long lastAcknowledged =
                writes.stream()
                        .filter(Write::isAcknowledged)
                        .mapToLong(Write::number)
                        .max()
                        .orElse(0);
        Entry entry = present.getOrDefault(key, new Entry(0, 0, 0, 0));
        if (entry.version() < certain || entry.number() < lastAcknowledged) {
            found.add(
                    new Violation(
                            Kind.LOST,
                            "register %s has %s after %d acknowledged writes up to %d"
                                    .formatted(key, entry, certain, lastAcknowledged),
                            tail(writes)));
        }
        if (entry.version() > possible) {
            found.add(
                    new Violation(
                            Kind.DOUBLED,
                            "register %s has %s after at most %d writes"
                                    .formatted(key, entry, possible),
                            tail(writes)));
        }
    }

    private static List<String> tail(List<Write> writes) {
        return writes.subList(Math.max(0, writes.size() - 10), writes.size()).stream()
                .map(Write::toString)
                .toList();
    }

    /// The acknowledged register writes among `writes`, for a look at each in the store's history.
    static List<Write> registerAcknowledgements(List<Write> writes) {
        return writes.stream()
                .filter(write -> write.isAcknowledged() && Workload.isRegister(write.key()))
                .toList();
    }
}
