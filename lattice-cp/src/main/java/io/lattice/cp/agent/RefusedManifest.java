package io.lattice.cp.agent;

import io.lattice.cp.document.Problem;
import java.util.List;
import java.util.stream.Collectors;

/// What the control plane has and a node doesn't take.
///
/// @param revision of the control plane's store at which it was found
/// @param problems all that is wrong; never empty
public record RefusedManifest(long revision, List<Problem> problems) {
    public RefusedManifest {
        problems = List.copyOf(problems);
    }

    /// All problems, one a line.
    public String describe() {
        return problems.stream().map(Problem::toString).collect(Collectors.joining("\n"));
    }
}
