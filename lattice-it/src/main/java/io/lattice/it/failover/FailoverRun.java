package io.lattice.it.failover;

import io.lattice.it.cluster.TestCluster;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;

/// Repeats one fault on one cluster and keeps the books of each tenant over all rounds. Owned by one thread.
final class FailoverRun {
    private final TestCluster cluster;
    private final List<Books> books;
    private final Fault fault;
    private final Random random;
    private final Consumer<String> progress;
    private final AtomicLong nextNumber = new AtomicLong();
    private final List<Violation> violations = new ArrayList<>();
    private long longestGapNanos;
    private int rounds;

    /// @param cluster ready, and holding nothing that this run has not written
    /// @param tenants each has clients, and is judged alone
    /// @param progress takes one line for each round
    FailoverRun(
            TestCluster cluster,
            List<Tenant> tenants,
            Fault fault,
            long seed,
            Consumer<String> progress) {
        this.cluster = cluster;
        this.fault = fault;
        this.random = new Random(seed);
        this.progress = progress;
        this.books = tenants.stream().map(tenant -> new Books(cluster, tenant)).toList();
    }

    /// What the rounds came to.
    record Result(int rounds, long acknowledged, long longestGapMs, List<Violation> violations) {
        Result {
            violations = List.copyOf(violations);
        }

        private long count(Violation.Kind... kinds) {
            List<Violation.Kind> wanted = List.of(kinds);
            return violations.stream()
                    .filter(violation -> wanted.contains(violation.kind()))
                    .count();
        }

        long stale() {
            return count(Violation.Kind.STALE);
        }

        long lost() {
            return count(Violation.Kind.LOST);
        }

        long doubled() {
            return count(Violation.Kind.DOUBLED);
        }

        /// Violations that are neither of those.
        long others() {
            return violations.size() - stale() - lost() - doubled();
        }

        /// The last line of a run.
        String summary() {
            return "rounds %d acknowledged %d lost %d doubled %d longest-gap-ms %d"
                    .formatted(rounds, acknowledged, lost(), doubled(), longestGapMs);
        }
    }

    /// Plays rounds until there were `count` or one broke a promise.
    Result run(int count) {
        for (int i = 1; i <= count && violations.isEmpty(); i++) {
            round(i, count);
        }
        return new Result(
                rounds,
                books.stream().mapToLong(Books::acknowledged).sum(),
                TimeUnit.NANOSECONDS.toMillis(longestGapNanos),
                violations);
    }

    private void round(int number, int count) {
        List<Workload> workloads = new ArrayList<>();
        List<History> histories = new ArrayList<>();
        String what;
        try {
            for (Books of : books) {
                History history = new History();
                histories.add(history);
                workloads.add(
                        Workload.start(of.tenant().targets(), history, nextNumber, books.size()));
            }
            Fault.Round round = new Fault.Round(cluster, histories, random);
            round.awaitWritesOn(round.all());
            what = fault.run(round);
            round.awaitWritesOn(round.all());
            workloads.forEach(Workload::stop);
        } finally {
            workloads.forEach(Workload::close);
        }
        cluster.awaitReady();
        for (int i = 0; i < books.size(); i++) {
            judge(books.get(i), histories.get(i));
        }
        rounds++;
        progress.accept("round %d/%d: %s; %s".formatted(number, count, what, figures(histories)));
    }

    private void judge(Books of, History history) {
        for (Violation violation : of.judge(history)) {
            violations.add(books.size() == 1 ? violation : violation.of(of.tenant()));
        }
        longestGapNanos = Math.max(longestGapNanos, history.longestGapNanos());
    }

    private static String figures(List<History> histories) {
        return "acknowledged %d, ambiguous %d, failed %d; reads %d (%d unanswered); gap %d ms"
                .formatted(
                        sum(histories, History::acknowledged),
                        sum(histories, history -> history.count(Write.Outcome.AMBIGUOUS)),
                        sum(histories, history -> history.count(Write.Outcome.FAILED)),
                        sum(histories, history -> history.reads().size()),
                        sum(histories, History::failedReads),
                        TimeUnit.NANOSECONDS.toMillis(
                                histories.stream()
                                        .mapToLong(History::longestGapNanos)
                                        .max()
                                        .orElse(0)));
    }

    private static long sum(List<History> histories, ToLongFunction<History> figure) {
        return histories.stream().mapToLong(figure).sum();
    }
}
