package io.lattice.it.telemetry;

import io.lattice.it.cluster.Tools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The alert rules and the board that ship with Lattice.
final class AlertsAndBoard {
    private static final Pattern BOARD_EXPRESSION =
            Pattern.compile("\"expr\": \"((?:[^\"\\\\]|\\\\.)*)\"");
    private static final Pattern RULE = Pattern.compile("(?m)^ +expr: (.*(?:\\n {10,}.*)*)");

    /// Every metric that is served has one of these prefixes, and nothing else in an expression does.
    private static final Pattern METRIC =
            Pattern.compile("\\b(?:lattice|etcd|grpc|process|jvm|ratis)_[a-z0-9_]+\\b");

    private AlertsAndBoard() {}

    static Path alerts() {
        return Tools.root().resolve("config/alerts.yml");
    }

    static Path board() {
        return Tools.root().resolve("config/grafana-board.json");
    }

    /// The names that begin in one of these ways.
    static Set<String> namesIn(Set<String> names, String... prefixes) {
        Set<String> found = new TreeSet<>(names);
        found.removeIf(name -> Arrays.stream(prefixes).noneMatch(name::startsWith));
        return found;
    }

    static Set<String> metricsOfRules() throws IOException {
        Set<String> metrics = new TreeSet<>();
        Matcher rule = RULE.matcher(Files.readString(alerts()));
        while (rule.find()) {
            addMetrics(rule.group(1), metrics);
        }
        return metrics;
    }

    static Set<String> metricsOfBoard() throws IOException {
        Set<String> metrics = new TreeSet<>();
        boardExpressions().forEach(expression -> addMetrics(expression, metrics));
        return metrics;
    }

    /// The board's expressions, with something put in for Grafana's variables.
    static List<String> boardExpressions() throws IOException {
        List<String> expressions = new ArrayList<>();
        Matcher expression = BOARD_EXPRESSION.matcher(Files.readString(board()));
        while (expression.find()) {
            expressions.add(
                    expression
                            .group(1)
                            .replace("\\\"", "\"")
                            .replace("$__rate_interval", "1m")
                            .replace("$job", "lattice"));
        }
        return expressions;
    }

    private static void addMetrics(String expression, Set<String> metrics) {
        Matcher metric = METRIC.matcher(expression);
        while (metric.find()) {
            metrics.add(metric.group());
        }
    }
}
