package io.lattice.it.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.ControlPlane;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.Etcdctl;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.NodeSpec;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.LeaseGrpc;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchGrpc;
import io.lattice.proto.etcdserverpb.WatchRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.proto.v3lockpb.LockGrpc;
import io.lattice.proto.v3lockpb.LockRequest;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// Three nodes that have their places, tenants and policies from an etcd, which is stopped and comes back.
class PlacedClusterTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final ByteString KEY = ByteString.copyFromUtf8("k");

    private static final RangeRequest LINEARIZABLE = RangeRequest.newBuilder().setKey(KEY).build();
    private static final RangeRequest SERIALIZABLE =
            LINEARIZABLE.toBuilder().setSerializable(true).build();

    private TestCluster cp;
    private TestCluster lattice;

    private void start() {
        cp = CLUSTERS.plain("cp", new EtcdKind(false), 1);
        String configuration =
                """
                [control_plane]
                mode = "clustor"
                endpoints = ["%s"]
                cache_ttl_seconds = 2
                cache_grace_ms = 6000
                """
                        .formatted(cp.clientUrl(0));
        lattice =
                CLUSTERS.prepare(
                        TestCluster.Plan.plain(
                                LatticeKind.placed(configuration),
                                3,
                                CLUSTERS.directory("placed")));
        for (int i = 0; i < 3; i++) {
            lattice.startNode(i);
        }
        // They wait for a manifest.
        new ControlPlane(cp).putGroup("g1", lattice, 0, 1, 2);
        put("/clustor/v1/tenants/default", tenant(100));
        lattice.awaitReady();
    }

    private void put(String key, String value) {
        Etcdctl.of(cp, 0).run("put", key, value).orThrow();
    }

    private static String tenant(int ttlSecondsMax) {
        return "{\"routingEpoch\": 5, \"group\": \"g1\", \"leaseTtl\": {\"maxSeconds\": %d}}"
                .formatted(ttlSecondsMax);
    }

    @Test
    void whatIsServedFollowsTheControlPlanesAge() throws Exception {
        start();
        Etcdctl etcdctl = Etcdctl.of(lattice, 0);
        etcdctl.run("put", "k", "v").orThrow();
        assertThat(etcdctl.run("get", "k", "--print-value-only").orThrow().out()).contains("v");
        JsonObject fresh = readyz(0, 200);
        assertThat(fresh.get("routing_epoch").getAsLong()).isEqualTo(5);
        assertThat(fresh.get("manifest_digest").getAsString()).startsWith("sha256:");
        assertThat(readyz(2, 200).get("manifest_digest")).isEqualTo(fresh.get("manifest_digest"));

        policiesAreLive();
        String digest = readyz(0, 200).get("manifest_digest").getAsString();

        cp.kill(0);
        awaitState(0, 1);
        serves(LINEARIZABLE);
        awaitState(0, 2);
        stale(etcdctl);
        awaitState(0, 3);
        expired();
        aNodeThatIsRestartedServesFromItsDisk(digest);

        cp.startNode(0);
        for (int i = 0; i < 3; i++) {
            awaitState(i, 0);
        }
        lattice.awaitReady();
        assertThat(etcdctl.run("get", "k", "--print-value-only").orThrow().out())
                .contains("restarted");
        assertThat(grant(100)).isEqualTo(10);
        assertThat(readyz(2, 200).get("manifest_digest").getAsString()).isEqualTo(digest);
    }

    private void policiesAreLive() throws Exception {
        assertThat(grant(1_000)).isEqualTo(100);
        put("/clustor/v1/tenants/default", tenant(10));
        Await.until("leases get the new maximum", LIMIT, () -> grant(1_000) == 10);
        put("/clustor/v1/tenants/default", "{\"routingEpoch\": 4}");
        Await.until(
                "a manifest is refused",
                LIMIT,
                () -> metric(0, "lattice_cp_manifest_refused") == 1);
        assertThat(grant(1_000)).isEqualTo(10);
        put("/clustor/v1/tenants/default", tenant(10));
        Await.until("it is mended", LIMIT, () -> metric(0, "lattice_cp_manifest_refused") == 0);
    }

    private long grant(long seconds) {
        return LeaseGrpc.newBlockingStub(lattice.client(0).channel())
                .withDeadlineAfter(20, TimeUnit.SECONDS)
                .leaseGrant(LeaseGrantRequest.newBuilder().setTTL(seconds).build())
                .getTTL();
    }

    private void stale(Etcdctl etcdctl) throws Exception {
        refused("ControlPlaneCacheStale", () -> serves(LINEARIZABLE));
        refused("ControlPlaneCacheStale", () -> lattice.client(0).kv(20).txn(comparing()));
        refused("ControlPlaneCacheStale", () -> raise(watch(0)));
        refused("ControlPlaneCacheStale", this::lock);
        assertThat(watch(1)).isNull();
        serves(SERIALIZABLE);
        assertThat(grant(10)).isEqualTo(10);
        assertThat(lattice.client(0).kv(20).txn(putting("stale")).getSucceeded()).isTrue();
        Command.Result read = etcdctl.run("get", "k", "--consistency=s", "--print-value-only");
        assertThat(read.orThrow().out()).contains("stale");
        JsonObject readiness = readyz(0, 503);
        assertThat(readiness.getAsJsonObject("conditions").get("cp_cache_fresh").getAsBoolean())
                .isFalse();
        assertThat(readiness.getAsJsonObject("conditions").get("leader_elected").getAsBoolean())
                .isTrue();
        assertThat(metric(0, "lattice_lin_bound_can_linearize")).isZero();
    }

    private void expired() {
        refused("ControlPlaneCacheExpired", () -> serves(LINEARIZABLE));
        refused("ControlPlaneCacheExpired", () -> grant(10));
        serves(SERIALIZABLE);
        assertThat(lattice.client(0).kv(20).txn(putting("expired")).getSucceeded()).isTrue();
        Command.Result read =
                Etcdctl.of(lattice, 0).run("--command-timeout=2s", "get", "k", "--consistency=l");
        assertThat(read.exit()).isNotZero();
        assertThat(read.err()).contains("linearizability unavailable");
    }

    private void aNodeThatIsRestartedServesFromItsDisk(String digest) throws Exception {
        lattice.kill(2);
        lattice.startNode(2);
        Await.until(
                "the restarted node serves",
                LIMIT,
                () -> {
                    lattice.client(2).channel().resetConnectBackoff();
                    return lattice.client(2).kv(5).txn(putting("restarted")).getSucceeded();
                },
                lattice::logTails);
        assertThat(lattice.client(2).kv(20).range(SERIALIZABLE).getKvs(0).getValue().toStringUtf8())
                .isEqualTo("restarted");
        assertThat(readyz(2, 503).get("manifest_digest").getAsString()).isEqualTo(digest);
        assertThat(metric(2, "lattice_cp_cache_state")).isEqualTo(3);
    }

    /// Opens a watch from a revision, or from now on if that is 0; null if there is one, else why not.
    private @Nullable Throwable watch(long revision) throws Exception {
        CompletableFuture<WatchResponse> first = new CompletableFuture<>();
        StreamObserver<WatchRequest> requests =
                WatchGrpc.newStub(lattice.client(0).channel()).watch(new FirstResponse(first));
        requests.onNext(
                WatchRequest.newBuilder()
                        .setCreateRequest(
                                WatchCreateRequest.newBuilder()
                                        .setKey(KEY)
                                        .setStartRevision(revision))
                        .build());
        try {
            assertThat(first.get(20, TimeUnit.SECONDS).getCreated()).isTrue();
            requests.onCompleted();
            return null;
        } catch (ExecutionException e) {
            return e.getCause();
        }
    }

    private void lock() {
        var _ =
                LockGrpc.newBlockingStub(lattice.client(0).channel())
                        .withDeadlineAfter(20, TimeUnit.SECONDS)
                        .lock(LockRequest.newBuilder().setName(KEY).build());
    }

    private static void raise(@Nullable Throwable failure) throws Throwable {
        if (failure != null) {
            throw failure;
        }
    }

    private record FirstResponse(CompletableFuture<WatchResponse> response)
            implements StreamObserver<WatchResponse> {
        @Override
        public void onNext(WatchResponse value) {
            response.complete(value);
        }

        @Override
        public void onError(Throwable failure) {
            response.completeExceptionally(failure);
        }

        @Override
        public void onCompleted() {
            response.completeExceptionally(new IllegalStateException("the stream has ended"));
        }
    }

    private static TxnRequest putting(String value) {
        return TxnRequest.newBuilder()
                .addSuccess(
                        RequestOp.newBuilder()
                                .setRequestPut(
                                        PutRequest.newBuilder()
                                                .setKey(KEY)
                                                .setValue(ByteString.copyFromUtf8(value))))
                .build();
    }

    private static TxnRequest comparing() {
        return putting("compared").toBuilder().addCompare(Compare.newBuilder().setKey(KEY)).build();
    }

    private void serves(RangeRequest request) {
        assertThat(lattice.client(0).kv(20).range(request).getCount()).isEqualTo(1);
    }

    private static void refused(String cause, ThrowingCallable call) {
        StatusRuntimeException e = catchThrowableOfType(StatusRuntimeException.class, call);
        assertThat(e).isNotNull();
        assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(e.getStatus().getDescription()).contains("linearizability unavailable");
        com.google.rpc.Status details = Objects.requireNonNull(StatusProto.fromThrowable(e));
        try {
            ErrorInfo info = details.getDetails(0).unpack(ErrorInfo.class);
            assertThat(info.getReason()).isEqualTo("LinearizabilityUnavailable");
            assertThat(info.getMetadataMap()).containsEntry("cause", cause);
        } catch (InvalidProtocolBufferException notThat) {
            throw new AssertionError(notThat);
        }
    }

    private void awaitState(int node, int state) {
        Await.until(
                "node %d is in state %d".formatted(node, state),
                LIMIT,
                () -> metric(node, "lattice_cp_cache_state") == state,
                lattice::logTails);
    }

    private double metric(int node, String name) throws IOException, InterruptedException {
        NodeSpec spec = lattice.node(node);
        String body = get("http://%s:%d/metrics".formatted(spec.host(), spec.metricsPort()), 200);
        return body.lines()
                .filter(line -> line.startsWith(name + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1)))
                .findFirst()
                .orElseThrow();
    }

    private JsonObject readyz(int node, int status) throws IOException, InterruptedException {
        return JsonParser.parseString(get(lattice.clientUrl(node) + "/readyz", status))
                .getAsJsonObject();
    }

    private static String get(String url, int status) throws IOException, InterruptedException {
        try (HttpClient http = HttpClient.newHttpClient()) {
            HttpResponse<String> answer =
                    http.send(
                            HttpRequest.newBuilder(URI.create(url))
                                    .timeout(Duration.ofSeconds(20))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString());
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
            return answer.body();
        }
    }
}
