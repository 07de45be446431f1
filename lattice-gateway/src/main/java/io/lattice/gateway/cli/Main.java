package io.lattice.gateway.cli;

import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.node.LatticeNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// The entry point of the program `lattice`.
@Command(
        name = "lattice",
        description = "An etcd v3 compatible, Raft-replicated key-value store.",
        synopsisSubcommandLabel = "COMMAND",
        mixinStandardHelpOptions = true,
        versionProvider = VersionCommand.class,
        scope = CommandLine.ScopeType.INHERIT,
        footer = {"", "Exit status: 0 done, 1 failed, 2 wrong usage or configuration."})
public final class Main implements Runnable {
    /// Done.
    static final int DONE = 0;

    /// Failed.
    static final int FAILED = 1;

    /// Wrong usage or configuration.
    static final int MISUSED = 2;

    @Spec private CommandSpec spec;

    private Main() {
        this.spec = CommandSpec.create();
    }

    /// Runs a command and ends the process with its exit code.
    public static void main(String[] arguments) {
        PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
        PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        NodeRunner runner = new NodeRunner(Main::startNode, HostProcess.REAL);
        System.exit(run(out, err, System.getenv(), runner, arguments));
    }

    private static NodeRunner.Node startNode(LatticeConfig config)
            throws IOException, InterruptedException {
        LatticeNode node = LatticeNode.start(config);
        return new NodeRunner.Node() {
            @Override
            public void awaitStopped() throws InterruptedException {
                node.awaitStopped();
            }

            @Override
            public void stop() {
                node.stop();
            }
        };
    }

    /// Runs a command.
    ///
    /// @return the exit code
    static int run(
            PrintWriter out,
            PrintWriter err,
            Map<String, String> environment,
            NodeRunner runner,
            String... arguments) {
        return new CommandLine(new Main())
                .addSubcommand(new StartCommand(environment, runner))
                .addSubcommand(new InitCommand())
                .addSubcommand(
                        new CommandLine(new ConfigCommand())
                                .addSubcommand(new ConfigCheckCommand(environment)))
                .addSubcommand(
                        new CommandLine(new CpCommand())
                                .addSubcommand(new CpValidateCommand())
                                .addSubcommand(new CpShowCommand(environment))
                                .addSubcommand(new CpApplyCommand(environment)))
                .addSubcommand(new VersionCommand())
                .setOut(out)
                .setErr(err)
                .setColorScheme(Help.defaultColorScheme(Help.Ansi.OFF))
                .setExecutionExceptionHandler((failure, _, _) -> {
                    err.println("lattice: " + describe(failure));
                    return FAILED;
                })
                .execute(arguments);
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a command is missing");
    }

    private static String describe(Throwable failure) {
        return failure.getMessage() == null ? failure.toString() : failure.getMessage();
    }

    /// `lattice config`: holds the commands about configuration files.
    @Command(
            name = "config",
            description = "Commands about configuration files.",
            synopsisSubcommandLabel = "COMMAND")
    static final class ConfigCommand implements Runnable {
        @Spec private CommandSpec spec = CommandSpec.create();

        @Override
        public void run() {
            throw new ParameterException(spec.commandLine(), "a command is missing");
        }
    }
}
