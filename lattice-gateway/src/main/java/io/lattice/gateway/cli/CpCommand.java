package io.lattice.gateway.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `lattice cp`: holds the commands about the control plane's manifests.
@Command(
        name = "cp",
        description = {
            "Commands about the manifests in the control plane.",
            "A manifest file is JSON: {\"groups\": {NAME: …}, \"tenants\": {NAME: …}}, as cp show"
                    + " prints it; docs/control-plane.md describes the fields."
        },
        synopsisSubcommandLabel = "COMMAND")
final class CpCommand implements Runnable {
    @Spec private CommandSpec spec = CommandSpec.create();

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a command is missing");
    }
}
