package io.lattice.it.lease;

import com.google.protobuf.ByteString;
import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.differential.Alphabet;
import io.lattice.it.watch.WatchRecorder;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.LeaseGrpc;
import io.lattice.proto.etcdserverpb.LeaseKeepAliveRequest;
import io.lattice.proto.etcdserverpb.LeaseKeepAliveResponse;
import io.lattice.proto.etcdserverpb.LeaseLeasesRequest;
import io.lattice.proto.etcdserverpb.LeaseRevokeRequest;
import io.lattice.proto.etcdserverpb.LeaseTimeToLiveRequest;
import io.lattice.proto.etcdserverpb.LeaseTimeToLiveResponse;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.mvccpb.Event;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Lease calls to one node of a cluster.
final class LeaseClient {
    private static final long CALL_SECONDS = 10;
    private static final long LONG_CALL_SECONDS = 60;

    private final TestCluster cluster;
    private final int node;

    LeaseClient(TestCluster cluster, int node) {
        this.cluster = cluster;
        this.node = node;
    }

    private Channel channel() {
        return cluster.client(node).channel();
    }

    private LeaseGrpc.LeaseBlockingStub stub() {
        return LeaseGrpc.newBlockingStub(channel())
                .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
    }

    /// Grants a lease and puts a key with it.
    void grantWithKey(long id, long ttlSeconds, String key) {
        var _ =
                stub().leaseGrant(
                                LeaseGrantRequest.newBuilder()
                                        .setID(id)
                                        .setTTL(ttlSeconds)
                                        .build());
        var _ =
                cluster.client(node)
                        .kv(CALL_SECONDS)
                        .put(
                                PutRequest.newBuilder()
                                        .setKey(ByteString.copyFromUtf8(key))
                                        .setLease(id)
                                        .build());
    }

    /// Returns the revision of the answer.
    long revoke(long id) {
        return stub().leaseRevoke(LeaseRevokeRequest.newBuilder().setID(id).build())
                .getHeader()
                .getRevision();
    }

    /// Grants leases 1 to `count`, and puts a key with each.
    ///
    /// @return the newest revision afterwards
    long grantManyWithKeys(int count, long ttlSeconds, String prefix) {
        List<Future<?>> calls = new ArrayList<>();
        for (long id = 1; id <= count; id++) {
            LeaseGrantRequest request =
                    LeaseGrantRequest.newBuilder().setID(id).setTTL(ttlSeconds).build();
            calls.add(
                    LeaseGrpc.newFutureStub(channel())
                            .withDeadlineAfter(LONG_CALL_SECONDS, TimeUnit.SECONDS)
                            .leaseGrant(request));
        }
        calls.forEach(LeaseClient::await);
        calls.clear();
        for (long id = 1; id <= count; id++) {
            PutRequest request =
                    PutRequest.newBuilder()
                            .setKey(ByteString.copyFromUtf8(prefix + id))
                            .setLease(id)
                            .build();
            calls.add(
                    KVGrpc.newFutureStub(channel())
                            .withDeadlineAfter(LONG_CALL_SECONDS, TimeUnit.SECONDS)
                            .put(request));
        }
        calls.forEach(LeaseClient::await);
        return cluster.client(node).kv(CALL_SECONDS).range(below(prefix)).getHeader().getRevision();
    }

    private static void await(Future<?> call) {
        try {
            var _ = call.get();
        } catch (ExecutionException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static RangeRequest below(String prefix) {
        return RangeRequest.newBuilder()
                .setKey(ByteString.copyFromUtf8(prefix))
                .setRangeEnd(Alphabet.prefixEnd(ByteString.copyFromUtf8(prefix)))
                .setCountOnly(true)
                .build();
    }

    /// How many keys a linearizable read finds below a prefix; [Long#MAX_VALUE] if the node can't tell now.
    long count(String prefix) {
        try {
            return cluster.client(node).kv(1).range(below(prefix)).getCount();
        } catch (StatusRuntimeException notNow) {
            return Long.MAX_VALUE;
        }
    }

    /// How many leases there are.
    int leases() {
        return stub().leaseLeases(LeaseLeasesRequest.getDefaultInstance()).getLeasesCount();
    }

    /// The first `count` deletions of keys below a prefix since a revision.
    List<Event> deletionsSince(long revision, String prefix, int count) {
        try (WatchRecorder watch = WatchRecorder.open(cluster.client(node).channel())) {
            watch.create(
                    WatchCreateRequest.newBuilder()
                            .setKey(ByteString.copyFromUtf8(prefix))
                            .setRangeEnd(Alphabet.prefixEnd(ByteString.copyFromUtf8(prefix)))
                            .setStartRevision(revision)
                            .addFilters(WatchCreateRequest.FilterType.NOPUT));
            watch.await("all deletions", r -> r.events(0).size() >= count);
            return watch.events(0);
        }
    }

    LeaseTimeToLiveResponse timeToLive(long id) {
        return stub().leaseTimeToLive(LeaseTimeToLiveRequest.newBuilder().setID(id).build());
    }

    /// Whether a linearizable read finds the key; null if the node can't tell now.
    @Nullable Boolean exists(String key) {
        try {
            return cluster.client(node)
                            .kv(1)
                            .range(
                                    RangeRequest.newBuilder()
                                            .setKey(ByteString.copyFromUtf8(key))
                                            .build())
                            .getCount()
                    == 1;
        } catch (StatusRuntimeException notNow) {
            return null;
        }
    }

    /// Opens a stream of renewals.
    KeepAlive keepAlive() {
        return new KeepAlive(channel());
    }

    /// A stream of renewals. What ended it stands at the end of the answers.
    static final class KeepAlive implements StreamObserver<LeaseKeepAliveResponse> {
        private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
        private final StreamObserver<LeaseKeepAliveRequest> requests;

        KeepAlive(Channel channel) {
            requests = LeaseGrpc.newStub(channel).leaseKeepAlive(this);
        }

        void send(long id) {
            requests.onNext(LeaseKeepAliveRequest.newBuilder().setID(id).build());
        }

        void end() {
            requests.onCompleted();
        }

        /// The next answer as "id: TTL", or what ended the stream.
        String next() throws InterruptedException {
            String answer = answers.poll(CALL_SECONDS, TimeUnit.SECONDS);
            return answer == null ? "no answer" : answer;
        }

        @Override
        public void onNext(LeaseKeepAliveResponse response) {
            answers.add(response.getID() + ": " + response.getTTL());
        }

        @Override
        public void onError(Throwable error) {
            answers.add(String.valueOf(error.getMessage()));
        }

        @Override
        public void onCompleted() {
            answers.add("completed");
        }
    }
}
