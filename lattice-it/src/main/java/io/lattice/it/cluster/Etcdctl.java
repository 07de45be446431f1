package io.lattice.it.cluster;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The pinned etcdctl, pointed at some endpoints.
///
/// @param endpoints separated by commas
/// @param tls null: plain text
public record Etcdctl(String endpoints, @Nullable TlsMaterial tls) {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    /// Pointed at one node of a cluster.
    public static Etcdctl of(TestCluster cluster, int index) {
        return new Etcdctl(cluster.clientUrl(index), cluster.tls());
    }

    /// Runs a command with nothing on standard input.
    public Command.Result run(String... arguments) {
        return runWith(null, List.of(arguments));
    }

    /// Runs a command that doesn't end by itself until it has printed `count` lines, and returns these.
    public List<String> linesOf(List<String> arguments, int count) {
        return Command.lines(LIMIT, command(arguments), count);
    }

    /// Runs a command.
    ///
    /// @param input what it reads from standard input; null: nothing
    public Command.Result runWith(@Nullable String input, List<String> arguments) {
        return Command.run(LIMIT, command(arguments), input);
    }

    /// Starts a command that doesn't end by itself, such as `lock`; what it prints goes to `log`.
    public ServerProcess start(Path log, String... arguments) {
        return ServerProcess.start(
                "etcdctl " + arguments[0], command(List.of(arguments)), Map.of(), log);
    }

    /// Starts a command that reads more commands, such as `watch -i`; what it prints goes to `log`.
    public ServerProcess startInteractive(Path log, String... arguments) {
        return ServerProcess.startInteractive(
                "etcdctl " + arguments[0], command(List.of(arguments)), log);
    }

    private List<String> command(List<String> arguments) {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Tools.pinned("etcdctl").toString(),
                                "--endpoints=" + endpoints,
                                "--dial-timeout=2s",
                                "--command-timeout=10s"));
        if (tls != null) {
            command.add("--cacert=" + tls.ca());
            command.add("--cert=" + tls.clientCertificate());
            command.add("--key=" + tls.clientKey());
        }
        command.addAll(arguments);
        return command;
    }
}
