package io.lattice.gateway.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import com.codahale.metrics.MetricRegistry;
import io.grpc.Metadata;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.WatchGrpc;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TelemetryTest {
    private final List<String> ended = new ArrayList<>();
    private final CallMetrics calls =
            new CallMetrics(
                    List.of(KVGrpc.getServiceDescriptor(), WatchGrpc.getServiceDescriptor()),
                    (method, headers, code, nanos, streaming) -> ended.add(method + " " + code));
    private final DurationHistogram syncs = DurationHistogram.ofDisk();
    private final MetricRegistry ratis = new MetricRegistry();
    private final HttpClient http = HttpClient.newHttpClient();
    private Telemetry telemetry;

    @BeforeEach
    void serve() throws IOException {
        telemetry =
                Telemetry.serve(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        Snapshots::leading,
                        new Instruments(
                                calls,
                                () -> List.of(syncs, DurationHistogram.ofDisk()),
                                List::of,
                                new LongAdder()),
                        () ->
                                List.of(
                                        new LibraryMetrics("log_appender", "", ratis),
                                        new LibraryMetrics("log_worker", "0A", ratis),
                                        new LibraryMetrics("log_worker", "0B", ratis)));
    }

    @AfterEach
    void close() {
        telemetry.close();
        http.close();
    }

    @Test
    void callsAreCountedByOperationAndCode() throws Exception {
        call("etcdserverpb.KV/Put", Status.OK);
        call("etcdserverpb.KV/DeleteRange", Status.UNAVAILABLE);
        call("etcdserverpb.Watch/Watch", Status.CANCELLED);
        call("made.Up/Name", Status.UNIMPLEMENTED);

        String metrics = get("/metrics").body();

        assertThat(metrics.lines())
                .contains(
                        "lattice_adapter_etcd_requests_total{operation=\"put\",} 1.0",
                        "lattice_adapter_etcd_requests_total{operation=\"delete_range\",} 1.0",
                        "lattice_adapter_etcd_requests_total{operation=\"unknown\",} 1.0",
                        "lattice_adapter_etcd_errors_total{operation=\"delete_range\",code=\"UNAVAILABLE\",} 1.0",
                        "lattice_adapter_etcd_errors_total{operation=\"watch\",code=\"CANCELLED\",} 1.0",
                        "lattice_adapter_etcd_request_duration_seconds_count{operation=\"put\",} 1.0",
                        "grpc_server_handled_total{grpc_service=\"etcdserverpb.KV\",grpc_method=\"Put\",grpc_type=\"unary\",grpc_code=\"OK\",} 1.0",
                        "grpc_server_handled_total{grpc_service=\"etcdserverpb.Watch\",grpc_method=\"Watch\",grpc_type=\"bidi_stream\",grpc_code=\"Canceled\",} 1.0",
                        "etcd_server_proposals_failed_total 1.0");
        assertThat(metrics)
                .doesNotContain("made.Up")
                .doesNotContain("request_duration_seconds_count{operation=\"watch\"");
        assertThat(calls.totals().errors()).isEqualTo(2);
        assertThat(ended).contains("etcdserverpb.KV/Put OK", "made.Up/Name UNIMPLEMENTED");
    }

    @Test
    void theNodeShowsInMetrics() throws Exception {
        assertThat(get("/metrics").body().lines())
                .contains(
                        "lattice_kv_revision{tenant=\"default\",} 42.0",
                        "lattice_kv_compaction_floor_revision{tenant=\"default\",} 40.0",
                        "lattice_cp_cache_state 2.0",
                        "lattice_cp_cache_age_seconds 12.5",
                        "lattice_replication_lag_entries{peer=\"n2\",} 7.0",
                        "lattice_quota_throttled_total{tenant=\"default\",} 1.0",
                        "lattice_leader_changes_total 2.0",
                        "# TYPE etcd_server_proposals_committed_total gauge",
                        "etcd_server_proposals_committed_total 99.0");
    }

    @Test
    void durationsFallIntoTheirBuckets() throws Exception {
        syncs.record(TimeUnit.MICROSECONDS.toNanos(500));
        syncs.record(TimeUnit.SECONDS.toNanos(20));

        assertThat(get("/metrics").body().lines())
                .contains(
                        "lattice_wal_fsync_duration_seconds_bucket{le=\"2.5E-4\",} 0.0",
                        "lattice_wal_fsync_duration_seconds_bucket{le=\"5.0E-4\",} 1.0",
                        "lattice_wal_fsync_duration_seconds_bucket{le=\"8.192\",} 1.0",
                        "lattice_wal_fsync_duration_seconds_bucket{le=\"+Inf\",} 2.0",
                        "lattice_wal_fsync_duration_seconds_count 2.0",
                        "lattice_wal_fsync_duration_seconds_sum 20.0005");
    }

    @Test
    void dropwizardMetricsAreBridgedWithPeersAsLabels() throws Exception {
        ratis.counter("follower_n2~abc1_nextIndex").inc(3);
        ratis.timer("n2~abc1@group-0F0F_latency").update(1, TimeUnit.SECONDS);

        String metrics = get("/metrics").body();

        assertThat(metrics)
                .contains("ratis_log_appender_follower_next_index{peer=\"n2\",} 3.0")
                .contains("ratis_log_appender_latency_count{peer=\"n2\",} 1.0")
                .contains("ratis_log_worker_latency_count{group=\"0A\",peer=\"n2\",} 1.0")
                .contains("ratis_log_worker_latency_count{group=\"0B\",peer=\"n2\",} 1.0");
    }

    @Test
    void theStatusViewIsOnePageWithoutOutsideResources() throws Exception {
        HttpResponse<String> page = get("/");

        assertThat(page.headers().firstValue("Content-Type")).contains("text/html; charset=utf-8");
        assertThat(page.headers().firstValue("Content-Security-Policy").orElseThrow())
                .contains("default-src 'none'");
        assertThat(page.body()).contains("<html lang=\"en\">").doesNotContain("http:", "https:");
    }

    @Test
    void theStatusViewsNumbersAreJson() throws Exception {
        assertThat(get("/status.json").body())
                .contains("\"cluster\":\"prod \\\"east\\\"\"")
                .contains("\"cache_state\":\"stale\"")
                .contains(
                        "{\"node\":\"n2\",\"raft_address\":\"h2:2380\",\"client_urls\":[],\"leader\":false,\"listener\":true,\"lag_entries\":7}");
    }

    @Test
    void whatIsNotThereIsRefused() throws Exception {
        assertThat(get("/nothing").statusCode()).isEqualTo(404);
        HttpResponse<String> posted =
                http.send(
                        HttpRequest.newBuilder(uri("/metrics"))
                                .POST(HttpRequest.BodyPublishers.ofString("x"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        assertThat(posted.statusCode()).isEqualTo(405);
    }

    @Test
    void clientsThatSayNothingDoNotKeepOthersOut() throws Exception {
        List<Socket> silent = new ArrayList<>();
        try {
            for (int i = 0; i < 20; i++) {
                Socket socket = new Socket(InetAddress.getLoopbackAddress(), telemetry.port());
                socket.getOutputStream()
                        .write("GET /metrics HTTP/1.1\r\nX".getBytes(StandardCharsets.US_ASCII));
                silent.add(socket);
            }

            assertTimeoutPreemptively(
                    Duration.ofSeconds(5),
                    () -> assertThat(get("/metrics").statusCode()).isEqualTo(200));
        } finally {
            for (Socket socket : silent) {
                socket.close();
            }
        }
    }

    @Test
    void aTakenPortIsNamed() {
        InetSocketAddress taken =
                new InetSocketAddress(InetAddress.getLoopbackAddress(), telemetry.port());

        assertThatThrownBy(() ->
                        Telemetry.serve(
                                taken,
                                Snapshots::leading,
                                new Instruments(calls, List::of, List::of, new LongAdder()),
                                List::of))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("the metrics port")
                .hasMessageContaining(Integer.toString(telemetry.port()));
    }

    private void call(String method, Status status) {
        ServerStreamTracer tracer = calls.newServerStreamTracer(method, new Metadata());
        tracer.streamClosed(status);
    }

    private URI uri(String path) {
        return URI.create("http://127.0.0.1:" + telemetry.port() + path);
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return http.send(
                HttpRequest.newBuilder(uri(path)).build(), HttpResponse.BodyHandlers.ofString());
    }
}
