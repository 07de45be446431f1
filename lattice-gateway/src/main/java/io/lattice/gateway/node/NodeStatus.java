package io.lattice.gateway.node;

import io.lattice.cp.manifest.ManifestSource;
import io.lattice.gateway.admission.LiveTenants;
import io.lattice.gateway.grpc.ErrorMapper;
import io.lattice.gateway.grpc.MaintenanceService;
import io.lattice.gateway.http.NodeHealth;
import io.lattice.statemachine.apply.StoreUnavailableException;
import io.lattice.statemachine.mvcc.ReadView;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What the health endpoints are told about this node. Thread-safe.
final class NodeStatus implements NodeHealth {
    private static final Logger LOG = LoggerFactory.getLogger(NodeStatus.class);

    private final HostedGroups groups;
    private final LiveTenants tenants;
    private final ManifestSource manifests;
    private volatile boolean stopping;

    NodeStatus(HostedGroups groups, LiveTenants tenants, ManifestSource manifests) {
        this.groups = groups;
        this.tenants = tenants;
        this.manifests = manifests;
    }

    /// From now on the node isn't ready.
    void stopping() {
        stopping = true;
    }

    @Override
    public boolean hasLeader() {
        Collection<HostedGroup> served = groups.all();
        return !served.isEmpty() && served.stream().allMatch(HostedGroup::hasLeader);
    }

    /// Of any tenant: who asks has none.
    @Override
    public List<String> alarms() {
        return groups.all().stream().flatMap(this::alarms).distinct().toList();
    }

    private Stream<String> alarms(HostedGroup group) {
        try (ReadView view = group.raft().store().view()) {
            return tenants.get().of(group.name()).stream()
                    .flatMap(tenant -> view.alarms(tenant.keyspace()).stream())
                    .map(alarm -> alarm.getAlarm().name())
                    .toList()
                    .stream();
        } catch (StoreUnavailableException e) {
            LOG.debug("no alarms to be seen while a snapshot is taken up", e);
            return Stream.empty();
        }
    }

    /// Of every group: the first that can't be read tells why. A node that serves none is alive.
    @Override
    public void read(boolean linearizable, Consumer<@Nullable String> result) {
        List<HostedGroup> served = List.copyOf(groups.all());
        if (linearizable && served.isEmpty()) {
            result.accept("this node serves no Raft group at present");
        } else {
            read(served, linearizable, result);
        }
    }

    private static void read(
            List<HostedGroup> left, boolean linearizable, Consumer<@Nullable String> result) {
        if (left.isEmpty()) {
            result.accept(null);
            return;
        }
        HostedGroup group = left.getFirst();
        Consumer<@Nullable String> next =
                failure -> {
                    if (failure != null) {
                        result.accept(failure);
                    } else {
                        read(left.subList(1, left.size()), linearizable, result);
                    }
                };
        if (!linearizable) {
            next.accept(readStore(group));
            return;
        }
        group.gate()
                .await(
                        () -> next.accept(readStore(group)),
                        refusal -> next.accept(refusal.getStatus().getDescription()));
    }

    /// @return what a client would be told; null if the store can be read
    private static @Nullable String readStore(HostedGroup group) {
        try (ReadView view = group.raft().store().view()) {
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
