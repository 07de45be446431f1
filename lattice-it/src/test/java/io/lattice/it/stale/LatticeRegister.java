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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// One key of Lattice.
final class LatticeRegister implements ReplicatedRegister {
    private static final ByteString KEY = ByteString.copyFromUtf8("register");
    private static final ByteString OTHER_KEY = ByteString.copyFromUtf8("flood");
    private static final int READS_UNDER_WAY = 100;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final TestCluster cluster;
    private Observer observer = new Observer(0);

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
    public Optional<String> read(int node) {
        return readAsync(node).join();
    }

    private CompletableFuture<Optional<String>> readAsync(int node) {
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

    @Override
    public void observe(int node) {
        Observer started = new Observer(node);
        observer = started;
        started.thread.start();
    }

    @Override
    public Reads observed(int node, long afterNanos, String current) {
        return observer.end(afterNanos, current);
    }

    /// Keeps a number of reads under way, so that some wait in the node's sockets whenever it wakes up.
    private final class Observer {
        private record Read(long beganNanos, CompletableFuture<Optional<String>> value) {}

        private final int node;
        private final List<Read> reads = new ArrayList<>();
        private final Semaphore mayBegin = new Semaphore(READS_UNDER_WAY);
        private final Thread thread = Thread.ofPlatform().daemon().unstarted(this::run);
        private volatile boolean ended;

        Observer(int node) {
            this.node = node;
        }

        private void run() {
            while (!ended) {
                mayBegin.acquireUninterruptibly();
                long began = System.nanoTime();
                CompletableFuture<Optional<String>> value = readAsync(node);
                reads.add(new Read(began, value));
                var _ = value.thenRun(mayBegin::release);
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }

        Reads end(long afterNanos, String current) {
            ended = true;
            try {
                thread.join();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            Reads counted = Reads.NONE;
            for (Read read : reads) {
                if (read.beganNanos() - afterNanos > 0) {
                    counted = counted.plus(count(read.value().join(), current));
                }
            }
            return counted;
        }

        private static Reads count(Optional<String> value, String current) {
            if (value.isEmpty()) {
                return new Reads(0, 0, 1);
            }
            return value.get().equals(current) ? new Reads(0, 1, 0) : new Reads(1, 0, 0);
        }
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
                        LockSupport.parkNanos(PAUSE_NANOS);
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
