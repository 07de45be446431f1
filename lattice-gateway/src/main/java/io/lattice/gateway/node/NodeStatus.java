package io.lattice.gateway.node;

import io.lattice.cp.manifest.Manifest;
import io.lattice.gateway.admission.Route;
import io.lattice.gateway.grpc.ErrorMapper;
import io.lattice.gateway.grpc.MaintenanceService;
import io.lattice.gateway.http.NodeHealth;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.statemachine.apply.StoreUnavailableException;
import io.lattice.statemachine.mvcc.ReadView;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// What the health endpoints are told about this node. Thread-safe.
final class NodeStatus implements NodeHealth {
    private final RaftNode raft;
    private final Route route;
    private final Duration timeout;
    private final String manifestDigest;
    private volatile boolean stopping;

    /// @param timeout how long a read may wait for consensus
    NodeStatus(RaftNode raft, Route route, Manifest manifest, Duration timeout) {
        this.raft = raft;
        this.route = route;
        this.timeout = timeout;
        this.manifestDigest = digest(manifest);
    }

    /// From now on the node isn't ready.
    void stopping() {
        stopping = true;
    }

    @Override
    public boolean hasLeader() {
        return raft.view().leader() != null;
    }

    @Override
    public List<String> alarms() {
        return List.of();
    }

    @Override
    public void read(boolean linearizable, Consumer<@Nullable String> result) {
        if (!linearizable) {
            result.accept(readStore());
            return;
        }
        raft.fence()
                .await(
                        System.nanoTime() + timeout.toNanos(),
                        () -> result.accept(readStore()),
                        failure -> result.accept(ErrorMapper.status(failure).getDescription()));
    }

    /// @return what a client would be told; null if the store can be read
    private @Nullable String readStore() {
        try (ReadView view = raft.store().view()) {
            long _ = view.revision(route.keyspace());
            return null;
        } catch (StoreUnavailableException e) {
            return ErrorMapper.status(e).getDescription();
        }
    }

    @Override
    public Readiness readiness() {
        // Without a control plane the manifest never ages.
        return new Readiness(true, true, hasLeader(), !stopping, manifestDigest, route.epoch(), 0);
    }

    @Override
    public Map<String, String> versions() {
        Map<String, String> versions = new LinkedHashMap<>();
        versions.put("etcdserver", MaintenanceService.ETCD_VERSION);
        versions.put("etcdcluster", MaintenanceService.STORAGE_VERSION);
        versions.put("storage", MaintenanceService.STORAGE_VERSION);
        return versions;
    }

    /// The same on every node that has the same manifest: the maps of a manifest have no order of their own.
    private static String digest(Manifest manifest) {
        String text = new TreeMap<>(manifest.tenants()) + "\n" + new TreeMap<>(manifest.groups());
        try {
            return "sha256:"
                    + HexFormat.of()
                            .formatHex(
                                    MessageDigest.getInstance("SHA-256")
                                            .digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
