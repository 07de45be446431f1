package io.lattice.gateway.observability;

import io.lattice.gateway.observability.NodeSnapshot.Consensus;
import io.lattice.gateway.observability.NodeSnapshot.Storage;
import io.lattice.gateway.observability.NodeSnapshot.Tenant;
import io.prometheus.client.Collector;
import java.util.List;
import java.util.function.Supplier;

/// A node's own metrics, Lattice's names and etcd's, made at each scrape from one [NodeSnapshot] and the counters.
///
/// etcd's names keep etcd's types and labels, since boards rely on them: `etcd_server_proposals_committed_total` is a gauge
/// there. What counts a store in etcd counts the default tenant here, whose clients have it for their etcd.
final class NodeCollector extends Collector {
    private final Supplier<NodeSnapshot> node;
    private final Instruments instruments;

    NodeCollector(Supplier<NodeSnapshot> node, Instruments instruments) {
        this.node = node;
        this.instruments = instruments;
    }

    @Override
    public List<MetricFamilySamples> collect() {
        NodeSnapshot snapshot = node.get();
        Families families = new Families();
        gate(families, snapshot);
        consensus(families, snapshot);
        groups(families, snapshot);
        tenants(families, snapshot);
        etcd(families, snapshot);
        families.histogram(
                "lattice_wal_fsync_duration_seconds",
                "How long syncs of the Raft log took.",
                DurationHistogram.sum(instruments.syncs().get()));
        families.histogram(
                "lattice_apply_duration_seconds",
                "How long committed log entries took to be applied, each a batch of commands.",
                DurationHistogram.sum(instruments.applies().get()));
        instruments.calls().collect(families);
        return families.toList();
    }

    private static void gate(Families families, NodeSnapshot snapshot) {
        families.gauge(
                "lattice_lin_bound_can_linearize",
                "1: linearizable reads are served here, as of a look in the last seconds.",
                snapshot.consensus().canLinearize() ? 1 : 0);
        families.gauge(
                "lattice_cp_cache_state",
                "How fresh the manifest is; 0: Fresh, 1: Cached, 2: Stale, 3: Expired.",
                snapshot.controlPlane().state().value());
        families.gauge(
                "lattice_cp_cache_age_seconds",
                "Since the control plane last confirmed the manifest; 0 in standalone mode.",
                snapshot.controlPlane().ageSeconds());
        families.gauge(
                "lattice_cp_manifest_refused",
                "1: the control plane has a manifest that this node doesn't take; the log says"
                        + " why.",
                snapshot.controlPlane().refusing() ? 1 : 0);
        families.gauge(
                "lattice_routing_epoch",
                "The default tenant's routing epoch.",
                snapshot.controlPlane().routingEpoch());
        families.gauge(
                "lattice_drain_state",
                "0: serving, 1: draining, 2: stopped.",
                snapshot.identity().drain().value());
    }

    private void consensus(Families families, NodeSnapshot snapshot) {
        Consensus raft = snapshot.consensus();
        families.gauge(
                "lattice_leader_elected",
                "1: this node knows a leader.",
                raft.leader() == null ? 0 : 1);
        families.counter(
                "lattice_leader_changes_total",
                "Leaders seen after the first one.",
                raft.leaderChanges());
        families.counter(
                "lattice_dirty_epoch_total",
                "Calls refused since they named another routing epoch.",
                instruments.dirtyEpochs().sum());
        Families.Family lag =
                families.labelled(
                        "lattice_replication_lag_entries",
                        Type.GAUGE,
                        "On the leader: log entries that a peer lacks.",
                        "peer");
        for (NodeSnapshot.Member member : raft.members()) {
            Long entries = member.lagEntries();
            if (entries != null) {
                lag.add(entries, member.nodeId());
            }
        }
    }

    private static void groups(Families families, NodeSnapshot snapshot) {
        Families.Family elected =
                families.labelled(
                        "lattice_group_leader_elected",
                        Type.GAUGE,
                        "1: this node knows the group's leader.",
                        "group");
        Families.Family leading =
                families.labelled(
                        "lattice_group_leading",
                        Type.GAUGE,
                        "1: this node leads the group.",
                        "group");
        Families.Family listening =
                families.labelled(
                        "lattice_group_listening",
                        Type.GAUGE,
                        "1: this node has the group's data without a vote.",
                        "group");
        Families.Family applied =
                families.labelled(
                        "lattice_group_applied_index",
                        Type.GAUGE,
                        "Index of the group's last log entry that is applied here.",
                        "group");
        for (NodeSnapshot.Group group : snapshot.groups()) {
            Consensus raft = group.consensus();
            elected.add(raft.leader() == null ? 0 : 1, group.name());
            leading.add(raft.leading() ? 1 : 0, group.name());
            listening.add(raft.listening() ? 1 : 0, group.name());
            applied.add(raft.log().applied(), group.name());
        }
    }

    private static void tenants(Families families, NodeSnapshot snapshot) {
        Families.Family revision =
                families.labelled(
                        "lattice_kv_revision", Type.GAUGE, "A tenant's newest revision.", "tenant");
        Families.Family floor =
                families.labelled(
                        "lattice_kv_compaction_floor_revision",
                        Type.GAUGE,
                        "The revision up to which a tenant is compacted; 0: never.",
                        "tenant");
        Families.Family keys =
                families.labelled(
                        "lattice_kv_key_count",
                        Type.GAUGE,
                        "A tenant's keys, counted every 15 s; beyond 100,000 an estimate.",
                        "tenant");
        Families.Family throttled =
                families.labelled(
                        "lattice_quota_throttled_total",
                        Type.COUNTER,
                        "Calls refused since their tenant was over its quota.",
                        "tenant");
        for (Tenant tenant : snapshot.tenants()) {
            revision.add(tenant.revision(), tenant.name());
            floor.add(tenant.compactionFloor(), tenant.name());
            keys.add(tenant.keys(), tenant.name());
            throttled.add(tenant.throttled(), tenant.name());
        }
        families.gauge(
                "lattice_watch_active_streams",
                "Watch streams that are open.",
                snapshot.watchStreams());
        families.gauge("lattice_lease_active_leases", "Leases that exist.", snapshot.leases());
    }

    private void etcd(Families families, NodeSnapshot snapshot) {
        Consensus raft = snapshot.consensus();
        Storage storage = snapshot.storage();
        families.gauge(
                "etcd_server_has_leader",
                "1: this node knows a leader.",
                raft.leader() == null ? 0 : 1);
        families.gauge("etcd_server_is_leader", "1: this node leads.", raft.leading() ? 1 : 0);
        families.gauge(
                "etcd_server_is_learner",
                "1: this node has the data without a vote.",
                raft.listening() ? 1 : 0);
        families.counter(
                "etcd_server_leader_changes_seen_total",
                "Leaders seen after the first one.",
                raft.leaderChanges());
        families.gauge(
                "etcd_server_proposals_committed_total",
                "Index of the last committed log entry.",
                raft.log().committed());
        families.gauge(
                "etcd_server_proposals_applied_total",
                "Index of the last applied log entry.",
                raft.log().applied());
        families.gauge(
                "etcd_server_proposals_pending",
                "Commands that wait to be proposed.",
                raft.pendingProposals());
        families.counter(
                "etcd_server_proposals_failed_total",
                "Writes whose outcome was left open.",
                instruments.calls().undecidedWrites());
        families.gauge(
                "etcd_mvcc_db_total_size_in_bytes",
                "Bytes that the store takes, on disk and in memtables.",
                storage.bytes());
        families.gauge(
                "etcd_mvcc_db_total_size_in_use_in_bytes",
                "Bytes that the store's live data takes, an estimate.",
                storage.liveBytes());
        families.gauge(
                "etcd_server_quota_backend_bytes",
                "The store's quota; 0: none.",
                storage.quotaBytes());
        families.histogram(
                "etcd_disk_wal_fsync_duration_seconds",
                "How long syncs of the Raft log took.",
                DurationHistogram.sum(instruments.syncs().get()));
        families.histogram(
                "etcd_disk_backend_commit_duration_seconds",
                "How long committed log entries took to be applied, the write to the store"
                        + " included.",
                DurationHistogram.sum(instruments.applies().get()));
        etcdDebugging(families, snapshot);
        families.labelled(
                        "etcd_server_version",
                        Type.GAUGE,
                        "The etcd whose behaviour is served.",
                        "server_version")
                .add(1, snapshot.identity().etcdVersion());
    }

    private static void etcdDebugging(Families families, NodeSnapshot snapshot) {
        families.gauge(
                "etcd_debugging_mvcc_watch_stream_total",
                "Watch streams that are open.",
                snapshot.watchStreams());
        if (!snapshot.tenants().isEmpty()) {
            Tenant first = snapshot.tenants().getFirst();
            families.gauge(
                    "etcd_debugging_mvcc_keys_total", "Keys of the default tenant.", first.keys());
            families.gauge(
                    "etcd_debugging_mvcc_current_revision",
                    "Newest revision of the default tenant.",
                    first.revision());
            families.gauge(
                    "etcd_debugging_mvcc_compact_revision",
                    "Compact revision of the default tenant.",
                    first.compactionFloor());
        }
    }
}
