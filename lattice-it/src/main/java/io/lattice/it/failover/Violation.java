package io.lattice.it.failover;

import java.util.List;

/// A promise that was broken.
///
/// @param evidence the part of the history that shows it
record Violation(Kind kind, String what, List<String> evidence) {
    private static final int SHOWN = 30;

    /// Which promise.
    enum Kind {
        LOST,
        DOUBLED,
        STALE,
        DISORDERED,
        DIVERGED,
        FALSE_FAILURE
    }

    Violation {
        evidence = List.copyOf(evidence);
    }

    /// The same, saying whose store shows it.
    Violation of(Tenant tenant) {
        return new Violation(kind, "tenant %s: %s".formatted(tenant.title(), what), evidence);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("VIOLATION %s: %s".formatted(kind, what));
        evidence.stream().limit(SHOWN).forEach(line -> text.append("\n    ").append(line));
        if (evidence.size() > SHOWN) {
            text.append("\n    … and %d more".formatted(evidence.size() - SHOWN));
        }
        return text.toString();
    }
}
