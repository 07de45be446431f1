package io.lattice.gateway.cli;

import io.lattice.cp.client.ControlPlaneClient;
import io.lattice.cp.client.Reading;
import io.lattice.cp.document.ManifestDifference;
import io.lattice.cp.document.ManifestDocuments;
import io.lattice.cp.document.ManifestFiles;
import io.lattice.cp.document.ManifestSteps;
import io.lattice.cp.document.Problem;
import io.lattice.gateway.config.ConfigException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `lattice cp apply FILE…`: changes what the control plane has.
@Command(
        name = "apply",
        description = {
            "Put the documents of manifest files into the control plane, after showing what"
                    + " changes.",
            "Documents that the files don't have stay, unless --prune is given. All is put in one"
                    + " transaction, and only if nobody else has changed anything since it was read."
        })
final class CpApplyCommand implements Callable<Integer> {
    /// etcd's --max-txn-ops, which counts compares and operations each.
    private static final int OPERATIONS_MAX = 128;

    private final Map<String, String> environment;

    @Spec private CommandSpec spec = CommandSpec.create();

    @Mixin private CpConnection connection = new CpConnection();

    @Parameters(paramLabel = "FILE", arity = "1..*", description = "Manifest files.")
    private List<Path> files = new ArrayList<>();

    @Option(names = "--dry-run", description = "Show what would change, and change nothing.")
    private boolean dryRun;

    @Option(names = "--yes", description = "Don't ask.")
    private boolean yes;

    @Option(names = "--prune", description = "Delete the documents that the files don't have.")
    private boolean prune;

    CpApplyCommand(Map<String, String> environment) {
        this.environment = environment;
    }

    @Override
    public Integer call() throws IOException {
        ManifestFiles manifest = CpFiles.read(files);
        try (ControlPlaneClient client = connection.open(environment)) {
            Reading reading = client.read();
            return switch (manifest.over(reading.values(), prune)) {
                case ManifestDocuments.Outcome.Good(ManifestDocuments documents) ->
                        apply(client, reading, documents);
                case ManifestDocuments.Outcome.Refused refused ->
                        CpFiles.report(refused.problems(), spec.commandLine().getErr());
            };
        } catch (ConfigException e) {
            spec.commandLine().getErr().println(e.getMessage());
            return Main.MISUSED;
        }
    }

    private int apply(ControlPlaneClient client, Reading reading, ManifestDocuments documents)
            throws IOException {
        List<Problem> problems =
                ManifestDocuments.parse(reading.values())
                                instanceof ManifestDocuments.Outcome.Good(ManifestDocuments before)
                        ? ManifestSteps.problems(before, documents)
                        : List.of();
        if (!problems.isEmpty()) {
            return CpFiles.report(problems, spec.commandLine().getErr());
        }
        PrintWriter out = spec.commandLine().getOut();
        ManifestDifference difference = ManifestDifference.between(reading.values(), documents);
        difference.lines().forEach(out::println);
        if (difference.isEmpty()) {
            out.printf("nothing to change: manifest %s%n", documents.digest());
            return Main.DONE;
        }
        if (dryRun) {
            out.printf("would make manifest %s%n", documents.digest());
            return Main.DONE;
        }
        if (!yes && !agreed(out)) {
            throw new IOException("nothing was changed");
        }
        return commit(client, reading, documents, difference);
    }

    private static boolean agreed(PrintWriter out) throws IOException {
        out.print("Apply? [y/N] ");
        out.flush();
        @Nullable String answer =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))
                        .readLine();
        return answer != null && (answer.strip().equals("y") || answer.strip().equals("yes"));
    }

    private int commit(
            ControlPlaneClient client,
            Reading reading,
            ManifestDocuments documents,
            ManifestDifference difference)
            throws IOException {
        TreeSet<String> rests = new TreeSet<>(difference.put().keySet());
        rests.addAll(difference.deleted());
        int operations = rests.size();
        // What is put meanwhile is noticed anyway, but not what is deleted.
        rests.addAll(documents.neededBy(difference.put().keySet()));
        if (Math.max(operations, rests.size() + 1) > OPERATIONS_MAX) {
            throw new IOException(
                    "found %d changes that rest on %d documents; allowed at most %d in one transaction: apply them in parts"
                            .formatted(operations, rests.size(), OPERATIONS_MAX - 1));
        }
        OptionalLong revision =
                client.commit(reading, rests, difference.put(), difference.deleted());
        if (revision.isEmpty()) {
            throw new IOException(
                    "somebody else has changed the manifest since it was read, at revision "
                            + reading.revision()
                            + ": nothing was changed; look at it again");
        }
        spec.commandLine()
                .getOut()
                .printf(
                        "applied at revision %d: manifest %s%n",
                        revision.getAsLong(), documents.digest());
        return Main.DONE;
    }
}
