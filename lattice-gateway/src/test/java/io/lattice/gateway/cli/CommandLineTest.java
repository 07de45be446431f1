package io.lattice.gateway.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.gateway.config.LatticeConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Exit codes and output of the commands; nodes are recorded instead of started.
class CommandLineTest {
    private static final int DONE = 0;
    private static final int FAILED = 1;
    private static final int MISUSED = 2;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final List<LatticeConfig> started = new ArrayList<>();
    private Map<String, String> environment = Map.of();

    @TempDir Path directory;

    @Test
    void versionNamesWhatItIsBuiltFromAndRunsOn() {
        assertThat(run("version")).isEqualTo(DONE);

        assertThat(out.toString().lines())
                .satisfiesExactly(
                        line -> assertThat(line).matches("lattice \\d+\\.\\d+\\.\\d+.*"),
                        line -> assertThat(line).matches("commit \\S+"),
                        line -> assertThat(line).startsWith("etcd API 3.7."),
                        line -> assertThat(line).isEqualTo("java " + Runtime.version()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"--help", "start --help", "init --help", "config --help", "--version"})
    void helpIsNoError(String arguments) {
        assertThat(run(arguments.split(" "))).isEqualTo(DONE);

        assertThat(out.toString()).isNotBlank();
        assertThat(err.toString()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "config",
                "config check",
                "cp",
                "cp validate",
                "cp apply --endpoints http://h:1",
                "cp show",
                "cp show --config a --endpoints http://h:1",
                "cp show --config a --key b",
                "cp show --endpoints h",
                "cp show --endpoints https://h:1",
                "cp show --endpoints https://h:1 --cert a",
                "nonsense",
                "start",
                "start --config a --dev",
                "start --config a --data-dir b",
                "start --dev --nonsense",
                "init",
                "init somewhere",
                "init --dev d --nodes 2",
                "init --dev d --base-port 0",
                "init --dev d --base-port 65514"
            })
    void wrongUsageIsReported(String arguments) {
        assertThat(run(arguments.isEmpty() ? new String[0] : arguments.split(" ")))
                .isEqualTo(MISUSED);

        assertThat(err.toString()).isNotBlank();
        assertThat(out.toString()).isEmpty();
        assertThat(started).isEmpty();
    }

    @Test
    void checkAcceptsWhatInitWrites() {
        assertThat(run("init", "--dev", path("c"), "--base-port", "4000")).isEqualTo(DONE);

        for (String node : List.of("n1", "n2", "n3")) {
            assertThat(run("config", "check", path("c/" + node + "/lattice.toml"))).isEqualTo(DONE);
        }
        assertThat(out.toString())
                .contains("node n3 of cluster dev-", "3 voter(s), client port 127.0.0.1:4020");
    }

    @Test
    void checkReportsAllProblems() throws IOException {
        Path file = Files.writeString(directory.resolve("bad.toml"), "a = 1\n[raft]\nb = 2\n");

        assertThat(run("config", "check", file.toString())).isEqualTo(MISUSED);

        assertThat(err.toString()).contains(file + ":1: a: found", file + ":3: raft.b: found");
    }

    @Test
    void startWithBadConfigurationStartsNothing() {
        assertThat(run("start", "--config", path("none.toml"))).isEqualTo(MISUSED);

        assertThat(err.toString()).contains("no such file");
        assertThat(started).isEmpty();
    }

    @Test
    void startRunsTheNodeOfTheFile() {
        run("init", "--dev", path("c"), "--nodes", "1", "--insecure");

        // The recorded node stops at once, which a node must not do by itself.
        assertThat(run("start", "--config", path("c/n1/lattice.toml"), "--log-level", "error"))
                .isEqualTo(FAILED);

        assertThat(started).hasSize(1);
        LatticeConfig config = started.getFirst();
        assertThat(config.telemetry().logLevel()).isEqualTo(LatticeConfig.LogLevel.ERROR);
        assertThat(config.paths().dataDir()).isEqualTo(directory.resolve("c/n1/data"));
    }

    @Test
    void startDevIsPlainTextOnTheLoopbackInterface() {
        run("start", "--dev", "--data-dir", path("d"));

        assertThat(started).hasSize(1);
        LatticeConfig config = started.getFirst();
        assertThat(config.grpc().insecure()).isTrue();
        assertThat(DevConfig.isLoopbackOnly(config)).isTrue();
        assertThat(config.cluster().peers()).hasSize(1);
        assertThat(config.paths().walDir()).isEqualTo(directory.resolve("d/wal"));
    }

    @Test
    void startDevRefusesToListenElsewhere() {
        environment = Map.of("LATTICE_LISTENERS_GRPC_BIND", "0.0.0.0:2379");

        assertThat(run("start", "--dev")).isEqualTo(MISUSED);

        assertThat(err.toString()).contains("loopback interface only");
        assertThat(started).isEmpty();
    }

    @Test
    void initKeepsWhatIsThere() throws IOException {
        Path file = Files.writeString(directory.resolve("precious"), "x");

        assertThat(run("init", "--dev", directory.toString())).isEqualTo(FAILED);

        assertThat(err.toString()).contains("is not an empty directory");
        assertThat(file).hasContent("x");
        assertThat(directory.resolve("tls")).doesNotExist();
    }

    @Test
    void initTellsEtcdctlWhereTheNodesAre() {
        run("init", "--dev", path("c"));

        assertThat(directory.resolve("c/etcdctl.env"))
                .content()
                .contains(
                        "ETCDCTL_ENDPOINTS=https://127.0.0.1:2379,https://127.0.0.1:2389,"
                                + "https://127.0.0.1:2399",
                        "ETCDCTL_CACERT='" + path("c/tls/ca.crt") + "'",
                        "ETCDCTL_KEY='" + path("c/tls/client.key") + "'");
    }

    @Test
    void initWithoutTlsMakesNoCertificates() {
        run("init", "--dev", path("c"), "--insecure");

        assertThat(directory.resolve("c/tls")).doesNotExist();
        assertThat(run("config", "check", path("c/n2/lattice.toml"))).isEqualTo(DONE);
        assertThat(directory.resolve("c/etcdctl.env")).content().contains("http://127.0.0.1:2389");
    }

    private String path(String relative) {
        return directory.resolve(relative).toString();
    }

    private int run(String... arguments) {
        NodeRunner.Node stopsAtOnce =
                new NodeRunner.Node() {
                    @Override
                    public void awaitStopped() {}

                    @Override
                    public void stop() {}
                };
        NodeRunner runner =
                new NodeRunner(
                        config -> {
                            started.add(config);
                            return stopsAtOnce;
                        },
                        new FakeProcess());
        return Main.run(
                new PrintWriter(out, true),
                new PrintWriter(err, true),
                environment,
                runner,
                arguments);
    }
}
