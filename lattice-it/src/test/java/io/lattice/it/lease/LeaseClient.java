package io.lattice.it.lease;

import com.google.protobuf.ByteString;
import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.LeaseGrpc;
import io.lattice.proto.etcdserverpb.LeaseKeepAliveRequest;
import io.lattice.proto.etcdserverpb.LeaseKeepAliveResponse;
import io.lattice.proto.etcdserverpb.LeaseTimeToLiveRequest;
import io.lattice.proto.etcdserverpb.LeaseTimeToLiveResponse;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Lease calls to one node of a cluster.
final class LeaseClient {
    private static final long CALL_SECONDS = 10;

    private final TestCluster cluster;
    private final int node;

    LeaseClient(TestCluster cluster, int node) {
        this.cluster = cluster;
        this.node = node;
    }

    private Channel channel() {
        return cluster.client(node).channel();
    }

    private LeaseGrpc.LeaseBlockingStub leases() {
        return LeaseGrpc.newBlockingStub(channel())
                .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
    }

    /// Grants a lease and puts a key with it.
    void grantWithKey(long id, long ttlSeconds, String key) {
        var _ =
                leases().leaseGrant(
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

    LeaseTimeToLiveResponse timeToLive(long id) {
        return leases().leaseTimeToLive(LeaseTimeToLiveRequest.newBuilder().setID(id).build());
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
