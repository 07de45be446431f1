package io.lattice.gateway.cli;

import io.lattice.cp.document.ManifestDocuments;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `lattice cp validate FILE…`: says whether files are a good manifest.
@Command(
        name = "validate",
        description =
                "Report everything that is wrong with a manifest, which may be in several files."
                        + " Asks no control plane; cp apply --dry-run does.")
final class CpValidateCommand implements Callable<Integer> {
    @Spec private CommandSpec spec = CommandSpec.create();

    @Parameters(paramLabel = "FILE", arity = "1..*", description = "Manifest files.")
    private List<Path> files = new ArrayList<>();

    @Override
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        return switch (CpFiles.read(files).alone()) {
            case ManifestDocuments.Outcome.Good(ManifestDocuments documents) -> {
                out.printf(
                        "valid: %d group(s), %d tenant(s), manifest %s%n",
                        documents.groups().size(), documents.tenants().size(), documents.digest());
                yield Main.DONE;
            }
            case ManifestDocuments.Outcome.Refused refused ->
                    CpFiles.report(refused.problems(), spec.commandLine().getErr());
        };
    }
}
