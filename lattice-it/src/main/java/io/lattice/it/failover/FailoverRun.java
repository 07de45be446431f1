package io.lattice.it.failover;

import io.lattice.it.cluster.TestCluster;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/// Repeats one fault on one cluster and keeps the books over all rounds. Owned by one thread.
final class FailoverRun {
    private final TestCluster cluster;
    private final List<Target> targets;
    private final Fault fault;
    private final Random random;
    private final Consumer<String> progress;
    private final Replicas replicas;
    private final Ledger ledger;
    private final AtomicLong nextNumber = new AtomicLong();
    private final List<Violation> violations = new ArrayList<>();
    private long longestGapNanos;
    private int rounds;

    /// @param cluster ready, and holding nothing that this run has not written
    /// @param progress takes one line for each round
    FailoverRun(TestCluster cluster, Fault fault, long seed, Consumer<String> progress) {
        this(cluster, Target.all(cluster), fault, seed, progress);
    }

    /// @param targets how the clients reach the nodes
    FailoverRun(
            TestCluster cluster,
            List<Target> targets,
            Fault fault,
            long seed,
            Consumer<String> progress) {
        this.cluster = cluster;
        this.targets = List.copyOf(targets);
        this.fault = fault;
        this.random = new Random(seed);
        this.progress = progress;
        this.replicas = new Replicas(cluster);
        this.ledger = new Ledger(replicas.revision());
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
                ledger.acknowledged(),
                TimeUnit.NANOSECONDS.toMillis(longestGapNanos),
                violations);
    }

    private void round(int number, int count) {
        History history = new History();
        String what;
        try (Workload workload = Workload.start(targets, history, nextNumber)) {
            Fault.Round round = new Fault.Round(cluster, history, random);
            round.awaitWritesOn(round.all());
            what = fault.run(round);
            round.awaitWritesOn(round.all());
            workload.stop();
        }
        cluster.awaitReady();
        judge(history);
        rounds++;
        longestGapNanos = Math.max(longestGapNanos, history.longestGapNanos());
        progress.accept(
                "round %d/%d: %s; acknowledged %d, ambiguous %d, failed %d; reads %d (%d unanswered); gap %d ms"
                        .formatted(
                                number,
                                count,
                                what,
                                history.acknowledged(),
                                history.count(Write.Outcome.AMBIGUOUS),
                                history.count(Write.Outcome.FAILED),
                                history.reads().size(),
                                history.failedReads(),
                                TimeUnit.NANOSECONDS.toMillis(history.longestGapNanos())));
    }

    private void judge(History history) {
        List<Write> writes = history.writes();
        violations.addAll(ledger.enter(writes));
        violations.addAll(RealTime.violations(history));
        Replicas.Content content = replicas.read();
        violations.addAll(content.violations());
        violations.addAll(ledger.audit(content.entries(), content.revision()));
        violations.addAll(replicas.lookUp(Ledger.registerAcknowledgements(writes)));
    }
}
