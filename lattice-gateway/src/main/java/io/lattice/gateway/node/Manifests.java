package io.lattice.gateway.node;

import io.lattice.cp.agent.CpAgent;
import io.lattice.cp.agent.RefusedManifest;
import io.lattice.cp.cache.CacheLimits;
import io.lattice.cp.client.ClientTls;
import io.lattice.cp.client.ControlPlaneClient;
import io.lattice.cp.document.ManifestDocuments;
import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.manifest.ManifestSource;
import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.security.SwappableTls;
import io.lattice.gateway.security.TlsFiles;
import io.lattice.gateway.security.TlsReloader;
import java.io.IOException;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Where this node's manifest comes from: its configuration, or the control plane. Opened and closed once.
final class Manifests implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Manifests.class);
    private static final Duration REMINDER = Duration.ofSeconds(10);

    private final ManifestSource source;
    private final @Nullable CpAgent agent;

    private Manifests(ManifestSource source, @Nullable CpAgent agent) {
        this.source = source;
        this.agent = agent;
    }

    /// Opens what the configuration says. With a control plane, waits until it has a manifest, or the disk has one, since without
    /// it the node has no place.
    ///
    /// @param certificates follow the files for the control plane from now on
    /// @throws IOException if the certificates can't be used
    static Manifests open(LatticeConfig config, TlsReloader certificates)
            throws IOException, InterruptedException {
        return switch (config.controlPlane().mode()) {
            case STANDALONE -> new Manifests(TenantMapping.standalone(config), null);
            case CLUSTOR -> {
                CpAgent agent = agent(config, certificates);
                boolean opened = false;
                try {
                    agent.awaitManifest(REMINDER, () -> remind(agent));
                    opened = true;
                } finally {
                    if (!opened) {
                        agent.close();
                    }
                }
                yield new Manifests(agent, agent);
            }
        };
    }

    private static CpAgent agent(LatticeConfig config, TlsReloader certificates)
            throws IOException {
        LatticeConfig.ControlPlane controlPlane = config.controlPlane();
        CpAgent.Settings settings =
                new CpAgent.Settings(
                        new CacheLimits(controlPlane.cacheTtl(), controlPlane.cacheGrace()),
                        TenantMapping.defaults(config),
                        config.paths().dataDir());
        return CpAgent.start(
                settings,
                new ControlPlaneClient(
                        controlPlane.endpoints(),
                        tls(controlPlane, certificates),
                        ManifestDocuments.PREFIX,
                        settings.patience(),
                        System::nanoTime));
    }

    private static @Nullable ClientTls tls(
            LatticeConfig.ControlPlane controlPlane, TlsReloader certificates) throws IOException {
        TlsFiles files = controlPlane.tls();
        boolean secure =
                controlPlane.endpoints().stream()
                        .anyMatch(endpoint -> "https".equals(endpoint.getScheme()));
        if (files == null || !secure) {
            return null;
        }
        SwappableTls swappable = certificates.follow("control plane", files, SwappableTls::new);
        return new ClientTls(swappable.keyManager(), swappable.trustManager());
    }

    private static void remind(CpAgent agent) {
        String outage = agent.outage();
        RefusedManifest refused = agent.refused();
        LOG.warn(
                "waiting for a manifest, since there is none on the disk: {}",
                outage != null
                        ? outage
                        : refused != null
                                ? "the control plane's is refused: " + refused.describe()
                                : "the control plane has none");
    }

    ManifestSource source() {
        return source;
    }

    /// Has every further manifest told; in standalone mode there is none.
    void follow(Consumer<Manifest> listener) {
        if (agent != null) {
            agent.follow(listener);
        }
    }

    /// Whether the control plane has a manifest that isn't taken.
    boolean isRefusing() {
        return agent != null && agent.refused() != null;
    }

    @Override
    public void close() {
        if (agent != null) {
            agent.close();
        }
    }
}
