package io.lattice.it.stale;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.MoreExecutors;
import com.google.protobuf.ByteString;
import io.grpc.StatusRuntimeException;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.cluster.TestNetwork;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.StatusResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// One key of Lattice.
final class LatticeRegister implements ReplicatedRegister {
    private static final ByteString KEY = ByteString.copyFromUtf8("register");
    private static final ByteString OTHER_KEY = ByteString.copyFromUtf8("flood");
    private static final long FLOOD_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final TestCluster cluster;

    /// Starts three nodes and waits until they are ready.
    LatticeRegister(Path directory, TestNetwork network, long electionMinMs, long electionMaxMs) {
        TestCluster.deleteTree(directory);
        String extra =
                """
                [raft]
                election_timeout_min_ms = %d
                election_timeout_max_ms = %d

                [limits]
                request_timeout_ms = %d
                """
                        .formatted(electionMinMs, electionMaxMs, 2 * electionMaxMs);
        cluster =
                TestCluster.start(
                        new TestCluster.Plan(
                                new LatticeKind(extra), NODES, directory, false, 0, network));
    }

    @Override
    public boolean leads(int node) {
        try {
            StatusResponse status = cluster.client(node).status();
            return status.getLeader() != 0
                    && status.getLeader() == status.getHeader().getMemberId();
        } catch (StatusRuntimeException unreachable) {
            return false;
        }
    }

    @Override
    public boolean write(int node, String value) {
        try {
            cluster.client(node)
                    .kv(2)
                    .put(
                            PutRequest.newBuilder()
                                    .setKey(KEY)
                                    .setValue(ByteString.copyFromUtf8(value))
                                    .build());
            return true;
        } catch (StatusRuntimeException failed) {
            return false;
        }
    }

    @Override
    public CompletableFuture<Optional<String>> read(int node) {
        CompletableFuture<Optional<String>> answer = new CompletableFuture<>();
        Futures.addCallback(
                stub(node, Duration.ofSeconds(1))
                        .range(RangeRequest.newBuilder().setKey(KEY).build()),
                new FutureCallback<RangeResponse>() {
                    @Override
                    public void onSuccess(@Nullable RangeResponse response) {
                        boolean empty = response == null || response.getKvsCount() == 0;
                        answer.complete(
                                Optional.of(
                                        empty ? "" : response.getKvs(0).getValue().toStringUtf8()));
                    }

                    @Override
                    public void onFailure(Throwable failed) {
                        answer.complete(Optional.empty());
                    }
                },
                MoreExecutors.directExecutor());
        return answer;
    }

    private KVGrpc.KVFutureStub stub(int node, Duration limit) {
        return KVGrpc.newFutureStub(cluster.client(node).channel())
                .withDeadlineAfter(limit.toMillis(), TimeUnit.MILLISECONDS);
    }

    @Override
    public void flood(int node, Duration howLong) {
        PutRequest put = PutRequest.newBuilder().setKey(OTHER_KEY).build();
        long end = System.nanoTime() + howLong.toNanos();
        Thread.ofPlatform()
                .daemon()
                .start(() -> {
                    while (System.nanoTime() - end < 0) {
                        var _ = stub(node, Duration.ofSeconds(3)).put(put);
                        LockSupport.parkNanos(FLOOD_PAUSE_NANOS);
                    }
                });
    }

    @Override
    public void pause(int node) {
        cluster.pause(node);
    }

    @Override
    public void resume(int node) {
        cluster.resume(node);
    }

    @Override
    public TestNetwork network() {
        return cluster.network();
    }

    @Override
    public String logTails() {
        return cluster.logTails();
    }

    @Override
    public void close() {
        cluster.close();
    }
}
