package io.lattice.it.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.Tools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Prometheus' own checker reads the alert rules and the board's expressions.
class PromtoolTest {
    private static final Duration LIMIT = Duration.ofMinutes(1);

    @TempDir Path directory;

    @Test
    void theAlertRulesAreRules() {
        Command.Result checked = check(AlertsAndBoard.alerts());

        assertThat(checked.exit()).as(checked.toString()).isZero();
        assertThat(checked.out()).contains("rules found");
    }

    @Test
    void theBoardsExpressionsAreExpressions() throws IOException {
        List<String> expressions = AlertsAndBoard.boardExpressions();
        Path rules = rules(expressions);

        Command.Result checked = check(rules);

        assertThat(checked.exit()).as(checked.toString()).isZero();
        assertThat(checked.out()).contains(expressions.size() + " rules found");
    }

    @Test
    void aBrokenExpressionIsFound() throws IOException {
        assertThat(check(rules(List.of("sum by (rate(x[5m])"))).exit()).isNotZero();
    }

    /// A rule file that records each expression.
    private Path rules(List<String> expressions) throws IOException {
        StringBuilder text = new StringBuilder("groups:\n  - name: board\n    rules:\n");
        for (int i = 0; i < expressions.size(); i++) {
            text.append(
                    "      - record: board:%d\n        expr: '%s'\n"
                            .formatted(i, expressions.get(i).replace("'", "''")));
        }
        return Files.writeString(directory.resolve("board.yml"), text);
    }

    private static Command.Result check(Path rules) {
        return Command.run(
                LIMIT,
                List.of(Tools.pinned("promtool").toString(), "check", "rules", rules.toString()));
    }
}
