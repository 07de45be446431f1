package io.lattice.gateway.config;

import java.util.List;
import java.util.stream.Collectors;

/// The configuration can't be used. Carries every problem that was found, in the order of the places
/// where they were found, so that one run is enough to mend them all.
public final class ConfigException extends Exception {
    private static final long serialVersionUID = 1L;

    private final transient List<Problem> problems;

    /// Joins the problems, one a line, into the message.
    ///
    /// @param problems at least one
    public ConfigException(List<Problem> problems) {
        super(problems.stream().map(Problem::toString).collect(Collectors.joining("\n")));
        this.problems = List.copyOf(problems);
    }

    /// All problems; never empty.
    public List<Problem> problems() {
        return problems;
    }

    /// One problem.
    ///
    /// @param place `file:line`, `environment LATTICE_…` or `command line`
    /// @param key the dotted key, or what else is wrong there, such as `syntax`
    /// @param found what stands there
    /// @param allowed what may stand there
    public record Problem(String place, String key, String found, String allowed) {
        /// The line that operators see: `place: key: found X; allowed Y`.
        @Override
        public String toString() {
            return place + ": " + key + ": found " + found + "; allowed " + allowed;
        }
    }
}
