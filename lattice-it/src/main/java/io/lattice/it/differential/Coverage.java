package io.lattice.it.differential;

import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// Counts what was asked and how the oracle answered, so that a run can prove that it tested something.
public final class Coverage {
    private final Map<String, Long> counts = new TreeMap<>();
    private long requests;

    void count(Call call, Reply reply) {
        requests++;
        String outcome = reply.isOk() ? "OK" : reply.text().replaceAll("\\d+", "N");
        counts.merge(call.title() + ": " + outcome, 1L, Long::sum);
    }

    /// Requests that both stores answered.
    public long requests() {
        return requests;
    }

    /// How often a call had an outcome: "OK" or the error's text.
    public long of(String title, String outcome) {
        return counts.getOrDefault(title + ": " + outcome, 0L);
    }

    /// One line for each call and outcome.
    @Override
    public String toString() {
        return counts.entrySet().stream()
                .map(entry -> "%8d  %s".formatted(entry.getValue(), entry.getKey()))
                .collect(Collectors.joining(System.lineSeparator()));
    }
}
