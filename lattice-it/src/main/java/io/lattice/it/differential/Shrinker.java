package io.lattice.it.differential;

import com.google.protobuf.Message;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Makes a list of requests that shows a difference as short and as plain as it can, by trial.
final class Shrinker {
    private final Function<List<Step>, @Nullable Divergence> trial;
    private final long deadline;

    private int trials;

    /// @param trial plays a list on stores that were made equal before; null means no difference
    /// @param limit after this time the best so far is taken
    Shrinker(Function<List<Step>, @Nullable Divergence> trial, Duration limit) {
        this.trial = trial;
        this.deadline = System.nanoTime() + limit.toNanos();
    }

    /// A list that shows a difference, and the difference.
    record Minimum(List<Step> steps, Divergence divergence, int trials) {}

    /// The smallest list found, or null if `steps` itself shows no difference when it is played again.
    @Nullable Minimum shrink(List<Step> steps) {
        Minimum best = attempt(steps);
        if (best == null) {
            return null;
        }
        best = dropSteps(best);
        best = simplifySteps(best);
        best = dropSteps(best);
        return new Minimum(best.steps(), best.divergence(), trials);
    }

    /// Takes away halves, quarters, … single steps, as long as the difference stays.
    private Minimum dropSteps(Minimum start) {
        Minimum best = start;
        int chunk = Math.max(1, best.steps().size() / 2);
        while (true) {
            boolean dropped = false;
            for (int from = 0; from < best.steps().size() && inTime(); ) {
                List<Step> fewer = new ArrayList<>(best.steps());
                fewer.subList(from, Math.min(from + chunk, fewer.size())).clear();
                Minimum found = attempt(fewer);
                if (found == null) {
                    from += chunk;
                } else {
                    best = found;
                    dropped = true;
                }
            }
            if (!inTime() || (chunk == 1 && !dropped)) {
                return best;
            }
            chunk = Math.max(1, dropped ? chunk : chunk / 2);
        }
    }

    private Minimum simplifySteps(Minimum start) {
        Minimum best = start;
        for (int i = 0; i < best.steps().size() && inTime(); i++) {
            Minimum simpler = simplifyStep(best, i);
            while (simpler != null && inTime()) {
                best = simpler;
                simpler = i < best.steps().size() ? simplifyStep(best, i) : null;
            }
        }
        return best;
    }

    private @Nullable Minimum simplifyStep(Minimum best, int index) {
        Step step = best.steps().get(index);
        for (Message request : Simplifications.of(step.request())) {
            if (!inTime()) {
                return null;
            }
            if (OracleLimits.isSafe(request)) {
                List<Step> simpler = new ArrayList<>(best.steps());
                simpler.set(index, step.withRequest(request));
                Minimum found = attempt(simpler);
                if (found != null) {
                    return found;
                }
            }
        }
        return null;
    }

    private @Nullable Minimum attempt(List<Step> steps) {
        trials++;
        Divergence divergence = trial.apply(steps);
        if (divergence == null) {
            return null;
        }
        // What comes after the difference has no part in it.
        int played = Math.min(divergence.index() + 1, steps.size());
        return new Minimum(List.copyOf(steps.subList(0, played)), divergence, trials);
    }

    private boolean inTime() {
        return System.nanoTime() - deadline < 0;
    }
}
