package io.lattice.gateway.cli;

import io.lattice.cp.client.ControlPlaneClient;
import io.lattice.cp.client.Reading;
import io.lattice.cp.document.ManifestDocuments;
import io.lattice.gateway.config.ConfigException;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/// `lattice cp show`: prints what the control plane has.
@Command(
        name = "show",
        description =
                "Print the control plane's manifest as a file for cp apply. If it isn't good, print"
                        + " what is wrong with it, and its documents as they are (exit status 1).")
final class CpShowCommand implements Callable<Integer> {
    private final Map<String, String> environment;

    @Spec private CommandSpec spec = CommandSpec.create();

    @Mixin private CpConnection connection = new CpConnection();

    CpShowCommand(Map<String, String> environment) {
        this.environment = environment;
    }

    @Override
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        try (ControlPlaneClient client = connection.open(environment)) {
            Reading reading = client.read();
            return switch (ManifestDocuments.parse(reading.values())) {
                case ManifestDocuments.Outcome.Good(ManifestDocuments documents) -> {
                    out.println(documents.file());
                    err.printf(
                            "manifest %s at revision %d%n", documents.digest(), reading.revision());
                    yield Main.DONE;
                }
                case ManifestDocuments.Outcome.Refused refused -> {
                    reading.entries()
                            .forEach((key, entry) ->
                                    out.printf("%s%n%s%n", key, entry.value().toStringUtf8()));
                    int _ = CpFiles.report(refused.problems(), err);
                    yield Main.FAILED;
                }
            };
        } catch (ConfigException e) {
            err.println(e.getMessage());
            return Main.MISUSED;
        }
    }
}
