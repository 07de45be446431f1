package io.lattice.gateway.cli;

import io.lattice.gateway.security.DevCertificates;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `lattice init --dev DIR`: certificates and configuration files of a cluster on this machine.
@Command(
        name = "init",
        description = {
            "Make the certificates and configuration files of a cluster on this machine.",
            "DIR/tls gets the CA (ca.crt), a client's certificate (client.crt, client.key) and the"
                    + " nodes'; DIR/n1/lattice.toml and so on are the nodes' configurations;"
                    + " DIR/etcdctl.env tells etcdctl how to reach them."
        })
final class InitCommand implements Callable<Integer> {
    private static final String TLS = "tls";
    private static final Path HOST_NAME = Path.of("/proc/sys/kernel/hostname");

    @Spec private CommandSpec spec = CommandSpec.create();

    @Option(names = "--dev", description = "For development: all nodes on the loopback interface.")
    private boolean dev;

    @Parameters(
            paramLabel = "DIR",
            description = "Is created if it does not exist; else it must be empty.")
    private Path directory = Path.of("");

    @Option(
            names = "--nodes",
            paramLabel = "1|3",
            defaultValue = "3",
            description = "How many nodes (default: ${DEFAULT-VALUE}).")
    private int nodes;

    @Option(
            names = "--base-port",
            paramLabel = "P",
            defaultValue = "" + DevConfig.DEFAULT_BASE_PORT,
            description =
                    "Node i, from 0, has its client port at P + 10 i, its Raft port next, its"
                            + " metrics port after that (default: ${DEFAULT-VALUE}).")
    private int basePort;

    @Option(names = "--insecure", description = "Plain text instead of mTLS.")
    private boolean insecure;

    @Override
    public Integer call() throws IOException {
        if (!dev) {
            throw new ParameterException(
                    spec.commandLine(), "only clusters for development can be made: add --dev");
        }
        if (nodes != 1 && nodes != 3) {
            throw new ParameterException(
                    spec.commandLine(), "--nodes: found " + nodes + "; allowed 1 or 3");
        }
        int maxPort = DevConfig.maxBasePort(nodes);
        if (basePort < 1 || basePort > maxPort) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--base-port: found " + basePort + "; allowed 1 to " + maxPort);
        }
        Path target = directory.toAbsolutePath().normalize();
        if (Files.exists(target) && !isEmptyDirectory(target)) {
            throw new IOException(target + " exists and is not an empty directory");
        }
        Files.createDirectories(target);
        if (!insecure) {
            writeCertificates(target.resolve(TLS));
        }
        writeConfigurations(target);
        Files.writeString(target.resolve("etcdctl.env"), etcdctlEnvironment(target));
        describe(target);
        return Main.DONE;
    }

    private void writeCertificates(Path tls) throws IOException {
        DevCertificates certificates = DevCertificates.createCa(tls, Instant.now());
        String hostName = Files.readString(HOST_NAME).strip();
        for (String node : DevConfig.nodeIds(nodes)) {
            certificates.createServer(node, node, hostName);
        }
        certificates.createClient("client");
    }

    private void writeConfigurations(Path target) throws IOException {
        // A name of its own, so that nodes of two such clusters never take each other for peers.
        byte[] suffix = new byte[4];
        new SecureRandom().nextBytes(suffix);
        String cluster = "dev-" + HexFormat.of().formatHex(suffix);
        List<String> ids = DevConfig.nodeIds(nodes);
        for (int index = 0; index < nodes; index++) {
            Path directoryOfNode = Files.createDirectories(target.resolve(ids.get(index)));
            Files.writeString(
                    directoryOfNode.resolve("lattice.toml"),
                    DevConfig.node(cluster, nodes, index, basePort, insecure));
        }
    }

    private String etcdctlEnvironment(Path target) {
        String endpoints =
                IntStream.range(0, nodes)
                        .mapToObj(index ->
                                (insecure ? "http" : "https")
                                        + "://127.0.0.1:"
                                        + DevConfig.clientPort(basePort, index))
                        .collect(Collectors.joining(","));
        StringBuilder text = new StringBuilder("# For etcdctl: source this file.\n");
        text.append("export ETCDCTL_ENDPOINTS=").append(endpoints).append('\n');
        if (!insecure) {
            Path tls = target.resolve(TLS);
            text.append("export ETCDCTL_CACERT=").append(shellQuote(tls.resolve("ca.crt")));
            text.append("\nexport ETCDCTL_CERT=").append(shellQuote(tls.resolve("client.crt")));
            text.append("\nexport ETCDCTL_KEY=").append(shellQuote(tls.resolve("client.key")));
            text.append('\n');
        }
        return text.toString();
    }

    private void describe(Path target) {
        PrintWriter out = spec.commandLine().getOut();
        out.printf("lattice: %d node(s) in %s; start each with%n", nodes, target);
        for (String node : DevConfig.nodeIds(nodes)) {
            out.printf("  lattice start --config %s%n", target.resolve(node, "lattice.toml"));
        }
        out.printf("and use them with%n  . %s%n", target.resolve("etcdctl.env"));
        out.println("  etcdctl put hello world");
    }

    private static String shellQuote(Path path) {
        return "'" + path.toString().replace("'", "'\\''") + "'";
    }

    private static boolean isEmptyDirectory(Path path) throws IOException {
        if (!Files.isDirectory(path)) {
            return false;
        }
        try (Stream<Path> entries = Files.list(path)) {
            return entries.findAny().isEmpty();
        }
    }
}
