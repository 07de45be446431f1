package io.lattice.gateway.cli;

import io.lattice.gateway.config.ConfigException;
import io.lattice.gateway.config.ConfigLoader;
import io.lattice.gateway.config.LatticeConfig;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `lattice start`: runs a node until it is told to stop.
@Command(
        name = "start",
        description = {
            "Run a node until SIGTERM or SIGINT, which stop it cleanly (exit status 0).",
            "LATTICE_<SECTION>_<KEY> in the environment sets a key of the configuration."
        })
final class StartCommand implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(StartCommand.class);

    private final Map<String, String> environment;
    private final NodeRunner runner;

    @Spec private CommandSpec spec = CommandSpec.create();

    @ArgGroup(multiplicity = "1")
    private Source source = new Source();

    @Option(
            names = "--log-level",
            paramLabel = "LEVEL",
            description = "error, warn, info, debug or trace; beats telemetry.log_level.")
    private @Nullable String logLevel;

    @Option(
            names = "--data-dir",
            paramLabel = "DIR",
            description = "With --dev: where the data lies (default: lattice-dev).")
    private @Nullable Path dataDirectory;

    /// Where the configuration comes from.
    private static final class Source {
        @Option(names = "--config", paramLabel = "FILE", description = "The configuration file.")
        private @Nullable Path file;

        @Option(
                names = "--dev",
                description = "One node, plain text, reachable from this machine only.")
        private boolean dev;
    }

    StartCommand(Map<String, String> environment, NodeRunner runner) {
        this.environment = environment;
        this.runner = runner;
    }

    @Override
    public Integer call() throws InterruptedException {
        LatticeConfig config;
        try {
            config = load();
        } catch (ConfigException e) {
            spec.commandLine().getErr().println(e.getMessage());
            return Main.MISUSED;
        }
        Logging.configure(config.telemetry());
        ConfigLoader.notices(config).forEach(LOG::warn);
        return runner.run(config);
    }

    private LatticeConfig load() throws ConfigException {
        Map<String, String> overrides = new HashMap<>();
        if (logLevel != null) {
            overrides.put("telemetry.log_level", logLevel);
        }
        Path file = source.file;
        if (source.dev || file == null) {
            return loadDev(overrides);
        }
        if (dataDirectory != null) {
            throw new ParameterException(spec.commandLine(), "--data-dir goes with --dev only");
        }
        return ConfigLoader.load(file, environment, overrides);
    }

    private LatticeConfig loadDev(Map<String, String> overrides) throws ConfigException {
        if (dataDirectory != null) {
            overrides.put("paths.data_dir", dataDirectory.resolve("data").toString());
            overrides.put("paths.wal_dir", dataDirectory.resolve("wal").toString());
        }
        LatticeConfig config =
                ConfigLoader.load(
                        DevConfig.singleNode(),
                        "--dev",
                        Path.of("").toAbsolutePath(),
                        environment,
                        overrides);
        if (!DevConfig.isLoopbackOnly(config)) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--dev listens without TLS and so on the loopback interface only; use --config"
                            + " to listen elsewhere");
        }
        spec.commandLine()
                .getOut()
                .printf(
                        "lattice: development node, data in %s%n"
                                + "lattice: try etcdctl --endpoints=%s put hello world%n",
                        config.paths().dataDir().getParent(),
                        config.cluster().clientUrls().getFirst());
        return config;
    }
}
