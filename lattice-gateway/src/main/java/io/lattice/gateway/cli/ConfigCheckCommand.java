package io.lattice.gateway.cli;

import io.lattice.gateway.config.ConfigException;
import io.lattice.gateway.config.ConfigLoader;
import io.lattice.gateway.config.LatticeConfig;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `lattice config check`: says whether `start` would accept a configuration.
@Command(
        name = "check",
        description =
                "Report everything that is wrong with a configuration file, with the environment as"
                        + " it is. Starts nothing and touches no data.")
final class ConfigCheckCommand implements Callable<Integer> {
    private final Map<String, String> environment;

    @Spec private CommandSpec spec = CommandSpec.create();

    @Parameters(paramLabel = "FILE", description = "The configuration file.")
    private Path file = Path.of("");

    ConfigCheckCommand(Map<String, String> environment) {
        this.environment = environment;
    }

    @Override
    public Integer call() {
        try {
            LatticeConfig config = ConfigLoader.load(file, environment, Map.of());
            PrintWriter out = spec.commandLine().getOut();
            ConfigLoader.notices(config).forEach(notice -> out.println(file + ": note: " + notice));
            out.printf(
                    "%s: valid: node %s of cluster %s, %s, client port %s%n",
                    file,
                    config.cluster().nodeId(),
                    config.cluster().name(),
                    voters(config),
                    config.grpc().bind());
            return Main.DONE;
        } catch (ConfigException e) {
            spec.commandLine().getErr().println(e.getMessage());
            return Main.MISUSED;
        }
    }

    private static String voters(LatticeConfig config) {
        return config.controlPlane().mode() == LatticeConfig.ControlPlaneMode.CLUSTOR
                ? "placed by the manifest"
                : config.cluster().peers().size() + " voter(s)";
    }
}
