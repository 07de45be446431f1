package io.lattice.it.differential;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Plays many sequences in lockstep and, at the first difference, shrinks what led to it.
///
/// Sequences come in epochs: both stores are levelled, then the epoch's sequences follow each other
/// without a break. Each epoch has a seed of its own, so that it can be replayed alone.
public final class DifferentialRun {
    private static final int EPOCH = 25;
    private static final Duration SHRINK_LIMIT = Duration.ofSeconds(90);

    private final Supplier<Pair> pairs;
    private final Coverage coverage = new Coverage();
    private Pair pair;
    private Lockstep lockstep;

    /// @param pairs starts two equal, empty stores; called again if the stores of before no longer work.
    ///     The supplier ends them.
    public DifferentialRun(Supplier<Pair> pairs) {
        this.pairs = pairs;
        this.pair = pairs.get();
        this.lockstep = new Lockstep(pair.oracle(), pair.subject(), coverage);
    }

    /// The store that is right, and the one under test.
    public record Pair(Store oracle, Store subject) {}

    /// What to play.
    ///
    /// @param seed of the first epoch; the n-th after it has seed + n
    public record Plan(String name, long seed, int sequences, SequenceSource source) {}

    /// Plays the plan's sequences.
    ///
    /// @return what was asked and how it was answered
    /// @throws AssertionError at the first difference, with the smallest list of requests that shows it
    public Coverage run(Plan plan) {
        int epochs = (plan.sequences() + EPOCH - 1) / EPOCH;
        for (int epoch = 0; epoch < epochs; epoch++) {
            long seed = plan.seed() + epoch;
            int sequences = Math.min(EPOCH, plan.sequences() - epoch * EPOCH);
            Failure failure = playEpoch(seed, sequences, plan.source());
            if (failure != null) {
                throw new AssertionError(explain(plan, seed, failure));
            }
        }
        return coverage;
    }

    /// The sequences of an epoch up to and with the one that failed.
    private record Failure(List<Step> steps, int lastSequenceSize, Divergence divergence) {}

    private @Nullable Failure playEpoch(long seed, int sequences, SequenceSource source) {
        Random random = new Random(seed);
        lockstep.level();
        List<Step> played = new ArrayList<>();
        for (int i = 0; i < sequences; i++) {
            List<Step> steps = source.next(random);
            Divergence divergence = lockstep.play(steps);
            if (divergence != null) {
                List<Step> relevant =
                        steps.subList(0, Math.min(steps.size(), divergence.index() + 1));
                played.addAll(relevant);
                return new Failure(played, relevant.size(), divergence);
            }
            played.addAll(steps);
        }
        return null;
    }

    private String explain(Plan plan, long seed, Failure failure) {
        StringBuilder text = new StringBuilder();
        text.append(
                """
                %s: the stores differ. Replay with -Dlattice.seed=%d -Dlattice.sequences=%d
                First seen after %d requests:
                %s\
                """
                        .formatted(
                                plan.name(),
                                seed,
                                EPOCH,
                                failure.steps().size(),
                                failure.divergence()));
        Shrinker.Minimum minimum = shrink(failure);
        if (minimum == null) {
            text.append(
                    """
                    Not seen again when the same requests were replayed, so it depends on timing or on \
                    what happened before. The last sequence was:
                    """);
            int size = failure.steps().size();
            text.append(numbered(failure.steps().subList(size - failure.lastSequenceSize(), size)));
            return text.toString();
        }
        text.append(
                "Shrunk by %d trials to %d requests on stores that are equal, empty and compacted:%n"
                        .formatted(minimum.trials(), minimum.steps().size()));
        text.append(numbered(minimum.steps())).append("where\n").append(minimum.divergence());
        return text.toString();
    }

    private Shrinker.@Nullable Minimum shrink(Failure failure) {
        Shrinker shrinker = new Shrinker(this::playFromLevel, SHRINK_LIMIT);
        int size = failure.steps().size();
        List<Step> last = failure.steps().subList(size - failure.lastSequenceSize(), size);
        Shrinker.Minimum minimum = shrinker.shrink(last);
        return minimum != null ? minimum : shrinker.shrink(failure.steps());
    }

    private @Nullable Divergence playFromLevel(List<Step> steps) {
        try {
            lockstep.level();
        } catch (Lockstep.StoreBrokenException broken) {
            pair = pairs.get();
            lockstep = new Lockstep(pair.oracle(), pair.subject(), new Coverage());
            lockstep.level();
        }
        return lockstep.play(steps);
    }

    private static String numbered(List<Step> steps) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < steps.size(); i++) {
            text.append("%4d  %s%n".formatted(i, steps.get(i)));
        }
        return text.toString();
    }
}
