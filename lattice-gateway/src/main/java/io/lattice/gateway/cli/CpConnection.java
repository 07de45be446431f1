package io.lattice.gateway.cli;

import io.lattice.cp.client.ClientTls;
import io.lattice.cp.client.ControlPlaneClient;
import io.lattice.cp.document.ManifestDocuments;
import io.lattice.gateway.config.ConfigException;
import io.lattice.gateway.config.ConfigLoader;
import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.security.SwappableTls;
import io.lattice.gateway.security.TlsFiles;
import io.lattice.gateway.security.TlsMaterial;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// The options that say where the control plane is: a node's configuration file, or endpoints and files as etcdctl takes them.
final class CpConnection {
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "A node's configuration file: its control_plane section is used.")
    private @Nullable Path config;

    @Option(
            names = "--endpoints",
            paramLabel = "URL",
            split = ",",
            description = "The control plane's etcd v3 endpoints, instead of --config.")
    private List<String> endpoints = new ArrayList<>();

    @Option(
            names = "--cacert",
            paramLabel = "FILE",
            description = "With https endpoints: the CA that their certificates chain up to.")
    private @Nullable Path ca;

    @Option(
            names = "--cert",
            paramLabel = "FILE",
            description = "With https endpoints: the client's certificate.")
    private @Nullable Path certificate;

    @Option(
            names = "--key",
            paramLabel = "FILE",
            description = "With https endpoints: the certificate's key.")
    private @Nullable Path key;

    /// A client of the control plane that the options name.
    ///
    /// @throws ConfigException if the configuration file isn't valid
    /// @throws IOException if the certificates can't be used
    ControlPlaneClient open(Map<String, String> environment) throws ConfigException, IOException {
        Logging.errorsOnly();
        Path file = config;
        if ((file == null) == endpoints.isEmpty()) {
            throw misused("--config FILE, or --endpoints URL,…: one of them is needed");
        }
        if (file == null) {
            return client(urls(), tlsFiles());
        }
        if (ca != null || certificate != null || key != null) {
            throw misused("--cacert, --cert and --key go with --endpoints only");
        }
        LatticeConfig.ControlPlane controlPlane =
                ConfigLoader.load(file, environment, Map.of()).controlPlane();
        if (controlPlane.endpoints().isEmpty()) {
            throw misused(file + ": found no control_plane.endpoints; allowed one or more");
        }
        return client(controlPlane.endpoints(), controlPlane.tls());
    }

    private ParameterException misused(String text) {
        return new ParameterException(spec.commandLine(), text);
    }

    private List<URI> urls() {
        List<URI> urls = new ArrayList<>();
        for (String endpoint : endpoints) {
            try {
                URI url = new URI(endpoint.contains("://") ? endpoint : "http://" + endpoint);
                boolean speaks = "http".equals(url.getScheme()) || "https".equals(url.getScheme());
                if (!speaks || url.getHost() == null || url.getPort() < 1) {
                    throw new URISyntaxException(endpoint, "not a URL of an endpoint");
                }
                urls.add(url);
            } catch (URISyntaxException e) {
                throw new ParameterException(
                        spec.commandLine(),
                        "--endpoints: found \""
                                + endpoint
                                + "\"; allowed http://host:port or https://host:port",
                        e);
            }
        }
        return urls;
    }

    private @Nullable TlsFiles tlsFiles() {
        Path chain = certificate;
        Path chainKey = key;
        Path trusted = ca;
        if (chain == null && chainKey == null && trusted == null) {
            return null;
        }
        if (chain == null || chainKey == null || trusted == null) {
            throw misused("--cacert, --cert and --key: all of them or none");
        }
        return new TlsFiles(chain, chainKey, trusted);
    }

    private ControlPlaneClient client(List<URI> urls, @Nullable TlsFiles files) throws IOException {
        boolean secure = urls.stream().anyMatch(url -> "https".equals(url.getScheme()));
        if (secure && files == null) {
            throw misused("https endpoints need --cacert, --cert and --key");
        }
        ClientTls tls = null;
        if (secure && files != null) {
            SwappableTls material = new SwappableTls(TlsMaterial.load(files));
            tls = new ClientTls(material.keyManager(), material.trustManager());
        }
        return new ControlPlaneClient(
                urls, tls, ManifestDocuments.PREFIX, PATIENCE, System::nanoTime);
    }
}
