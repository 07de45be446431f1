package io.lattice.gateway.node;

import io.lattice.cp.manifest.ManifestSource;
import io.lattice.gateway.admission.LiveTenants;
import io.lattice.gateway.admission.Tenant;
import io.lattice.gateway.grpc.ErrorMapper;
import io.lattice.gateway.grpc.MaintenanceService;
import io.lattice.gateway.grpc.ReadGate;
import io.lattice.gateway.http.NodeHealth;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.statemachine.apply.StoreUnavailableException;
import io.lattice.statemachine.mvcc.ReadView;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What the health endpoints are told about this node. Thread-safe.
final class NodeStatus implements NodeHealth {
    private static final Logger LOG = LoggerFactory.getLogger(NodeStatus.class);

    private final RaftNode raft;
    private final LiveTenants tenants;
    private final ManifestSource manifests;
    private final ReadGate gate;
    private volatile boolean stopping;

    NodeStatus(RaftNode raft, LiveTenants tenants, ManifestSource manifests, ReadGate gate) {
        this.raft = raft;
        this.tenants = tenants;
        this.manifests = manifests;
        this.gate = gate;
    }

    /// From now on the node isn't ready.
    void stopping() {
        stopping = true;
    }

    @Override
    public boolean hasLeader() {
        return raft.view().leader() != null;
    }

    /// Of any tenant: who asks has none.
    @Override
    public List<String> alarms() {
        try (ReadView view = raft.store().view()) {
            return tenants.get().all().stream()
                    .map(Tenant::keyspace)
                    .flatMap(keyspace -> view.alarms(keyspace).stream())
                    .map(alarm -> alarm.getAlarm().name())
                    .distinct()
                    .toList();
        } catch (StoreUnavailableException e) {
            LOG.debug("no alarms to be seen while a snapshot is taken up", e);
            return List.of();
        }
    }

    @Override
    public void read(boolean linearizable, Consumer<@Nullable String> result) {
        if (!linearizable) {
            result.accept(readStore());
            return;
        }
        gate.await(
                () -> result.accept(readStore()),
                refusal -> result.accept(refusal.getStatus().getDescription()));
    }

    /// @return what a client would be told; null if the store can be read
    private @Nullable String readStore() {
        try (ReadView view = raft.store().view()) {
            long _ = view.appliedIndex();
            return null;
        } catch (StoreUnavailableException e) {
            return ErrorMapper.status(e).getDescription();
        }
    }

    @Override
    public Readiness readiness() {
        long epoch = tenants.get().routingEpoch();
        return new Readiness(
                manifests.state().allowsLinearizable(),
                epoch > 0,
                hasLeader(),
                !stopping,
                manifests.current().digest(),
                epoch,
                manifests.age().toSeconds());
    }

    @Override
    public Map<String, String> versions() {
        Map<String, String> versions = new LinkedHashMap<>();
        versions.put("etcdserver", MaintenanceService.ETCD_VERSION);
        versions.put("etcdcluster", MaintenanceService.STORAGE_VERSION);
        versions.put("storage", MaintenanceService.STORAGE_VERSION);
        return versions;
    }
}
