package io.lattice.gateway.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.util.Properties;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/// `lattice version`: what was built from what, and what it runs on.
@Command(
        name = "version",
        description = "Print the versions of Lattice, of the etcd API it serves, and of Java.")
final class VersionCommand implements Callable<Integer>, IVersionProvider {
    /// Written by the build.
    private static final String BUILD_PROPERTIES = "build.properties";

    /// The release of etcd whose behaviour Lattice has.
    private static final String ETCD_API = "3.7.3";

    @Spec private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        for (String line : getVersion()) {
            out.println(line);
        }
        return Main.DONE;
    }

    /// The lines that this command and the option `--version` print.
    @Override
    public String[] getVersion() throws IOException {
        Properties build = new Properties();
        try (InputStream in = VersionCommand.class.getResourceAsStream(BUILD_PROPERTIES)) {
            if (in == null) {
                throw new IOException("the build left out " + BUILD_PROPERTIES);
            }
            build.load(in);
        }
        return new String[] {
            "lattice " + build.getProperty("version"),
            "commit " + build.getProperty("commit"),
            "etcd API " + ETCD_API,
            "java " + Runtime.version()
        };
    }
}
