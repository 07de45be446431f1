package io.lattice.it.telemetry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.NodeSpec;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// What three real nodes serve on their metrics ports.
class TelemetryTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private static TestCluster lattice;
    private static int leader;

    @BeforeAll
    static void startServers() {
        lattice = CLUSTERS.plain("lattice", new LatticeKind(), 3);
        leader = lattice.awaitLeader();
        for (int i = 0; i < lattice.size(); i++) {
            work(lattice, i);
        }
        Await.until(
                "every node to show what was written",
                LIMIT,
                () -> {
                    for (int i = 0; i < lattice.size(); i++) {
                        Scrape seen = scrape(i);
                        if (seen.value("lattice_lin_bound_can_linearize") != 1
                                || seen.value("lattice_kv_revision{tenant=\"default\",}") < 4) {
                            return false;
                        }
                    }
                    return scrape(leader).names().contains("lattice_replication_lag_entries");
                });
    }

    /// A put, a read and a refused request.
    private static void work(TestCluster cluster, int node) {
        ByteString key = ByteString.copyFromUtf8("k" + node);
        var kv = cluster.client(node).kv(10);
        kv.put(PutRequest.newBuilder().setKey(key).setValue(key).build());
        kv.range(RangeRequest.newBuilder().setKey(key).build());
        assertThatThrownBy(() -> kv.put(PutRequest.getDefaultInstance()))
                .isInstanceOf(StatusRuntimeException.class);
    }

    private static Scrape scrape(int node) {
        return Scrape.of(url(node) + "/metrics");
    }

    private static String url(int node) {
        NodeSpec spec = lattice.node(node);
        return "http://" + spec.host() + ":" + spec.metricsPort();
    }

    @Test
    void everyPromisedMetricIsServed() {
        Set<String> followers = new TreeSet<>(scrape((leader + 1) % lattice.size()).names());
        Set<String> leaders = scrape(leader).names();

        assertThat(leaders)
                .contains(
                        "lattice_lin_bound_can_linearize",
                        "lattice_cp_cache_state",
                        "lattice_cp_cache_age_seconds",
                        "lattice_adapter_etcd_requests_total",
                        "lattice_adapter_etcd_errors_total",
                        "lattice_adapter_etcd_request_duration_seconds_bucket",
                        "lattice_kv_revision",
                        "lattice_kv_key_count",
                        "lattice_kv_compaction_floor_revision",
                        "lattice_watch_active_streams",
                        "lattice_lease_active_leases",
                        "lattice_routing_epoch",
                        "lattice_dirty_epoch_total",
                        "lattice_quota_throttled_total",
                        "lattice_replication_lag_entries",
                        "lattice_wal_fsync_duration_seconds_bucket",
                        "lattice_apply_duration_seconds_bucket",
                        "lattice_leader_elected",
                        "lattice_leader_changes_total",
                        "lattice_drain_state",
                        "process_cpu_seconds_total",
                        "process_resident_memory_bytes",
                        "jvm_memory_bytes_used",
                        "jvm_gc_collection_seconds_count",
                        "ratis_log_worker_sync_time_count",
                        "etcd_server_has_leader",
                        "etcd_mvcc_db_total_size_in_bytes",
                        "etcd_disk_wal_fsync_duration_seconds_bucket",
                        "grpc_server_handled_total");
        followers.add("lattice_replication_lag_entries");
        assertThat(followers).containsAll(AlertsAndBoard.namesIn(leaders, "lattice_"));
    }

    @Test
    void theNumbersAreTrue() {
        Scrape seen = scrape(leader);
        String put = "operation=\"put\",";

        assertThat(seen.value("lattice_adapter_etcd_requests_total{" + put + "}"))
                .isGreaterThanOrEqualTo(2);
        assertThat(
                        seen.value(
                                "lattice_adapter_etcd_errors_total{"
                                        + put
                                        + "code=\"INVALID_ARGUMENT\",}"))
                .isGreaterThanOrEqualTo(1);
        assertThat(seen.value("etcd_server_is_leader")).isEqualTo(1);
        assertThat(seen.value("lattice_cp_cache_state")).isZero();
        assertThat(seen.value("lattice_wal_fsync_duration_seconds_count")).isPositive();
        assertThat(seen.value("lattice_apply_duration_seconds_count")).isPositive();
        for (int i = 0; i < lattice.size(); i++) {
            if (i != leader) {
                assertThat(
                                seen.samples()
                                        .get(
                                                "lattice_replication_lag_entries{peer=\"%s\",}"
                                                        .formatted(lattice.node(i).name())))
                        .isNotNull()
                        .isBetween(0.0, 10.0);
                assertThat(scrape(i).value("etcd_server_is_leader")).isZero();
            }
        }
    }

    @Test
    void callsByAnotherRoutingAreRefusedAndCounted() {
        Metadata metadata = new Metadata();
        metadata.put(
                Metadata.Key.of("lattice-routing-epoch", Metadata.ASCII_STRING_MARSHALLER), "2");
        var kv =
                lattice.client(leader)
                        .kv(10)
                        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));

        assertThatThrownBy(() -> kv.range(RangeRequest.getDefaultInstance()))
                .hasMessage(
                        "FAILED_PRECONDITION: routing epoch changed (expected: 1, observed: 2)");

        assertThat(scrape(leader).value("lattice_dirty_epoch_total")).isEqualTo(1);
    }

    @Test
    void etcdsNamesHaveEtcdsTypesAndLabels() {
        TestCluster etcd = CLUSTERS.plain("etcd", new EtcdKind(false), 1);
        work(etcd, 0);
        Scrape theirs = Scrape.of(etcd.clientUrl(0) + "/metrics");
        Scrape ours = scrape(leader);

        Map<String, String> shared = new TreeMap<>(ours.types());
        shared.keySet().removeIf(name -> !name.matches("(etcd|grpc)_.*"));
        assertThat(theirs.types()).containsAllEntriesOf(shared);
        for (String name : AlertsAndBoard.namesIn(ours.names(), "etcd_", "grpc_")) {
            assertThat(ours.labels().get(name)).as(name).isEqualTo(theirs.labels().get(name));
        }
    }

    @Test
    void rulesAndBoardUseNothingThatIsNotServed() throws Exception {
        Set<String> served = new TreeSet<>(scrape(leader).names());

        assertThat(served)
                .containsAll(AlertsAndBoard.metricsOfRules())
                .containsAll(AlertsAndBoard.metricsOfBoard());
        assertThat(AlertsAndBoard.metricsOfRules()).hasSizeGreaterThan(10);
        assertThat(AlertsAndBoard.metricsOfBoard()).hasSizeGreaterThan(20);
    }

    @Test
    void theStatusViewTellsTheSame() {
        String status = Scrape.get(url(leader) + "/status.json");

        assertThat(status)
                .contains("\"node\":\"" + lattice.node(leader).name() + "\"")
                .contains("\"leading\":true")
                .contains("\"cache_state\":\"fresh\"")
                .contains("\"can_linearize\":true");
        assertThat(Scrape.get(url(leader) + "/")).contains("<!doctype html>");
    }
}
