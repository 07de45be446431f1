package io.lattice.it.tenant;

import com.google.protobuf.ByteString;
import io.grpc.Channel;
import io.grpc.stub.StreamObserver;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchGrpc;
import io.lattice.proto.etcdserverpb.WatchRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/// The keys whose changes a watch of everything tells, in order.
final class WatchedKeys implements AutoCloseable, StreamObserver<WatchResponse> {
    private static final long WAIT_SECONDS = 20;
    private static final ByteString ALL = ByteString.copyFrom(new byte[1]);

    private final BlockingQueue<String> keys = new LinkedBlockingQueue<>();
    private final CountDownLatch created = new CountDownLatch(1);
    private final StreamObserver<WatchRequest> requests;

    private WatchedKeys(Channel channel) {
        this.requests = WatchGrpc.newStub(channel).watch(this);
    }

    /// Begins to watch; changes from now on are seen.
    static WatchedKeys all(Channel channel) throws InterruptedException {
        WatchedKeys watched = new WatchedKeys(channel);
        watched.requests.onNext(
                WatchRequest.newBuilder()
                        .setCreateRequest(
                                WatchCreateRequest.newBuilder().setKey(ALL).setRangeEnd(ALL))
                        .build());
        if (!watched.created.await(WAIT_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("the watch was not created");
        }
        return watched;
    }

    /// All keys up to and with that one.
    List<String> until(String last) throws InterruptedException {
        List<String> seen = new ArrayList<>();
        while (!seen.contains(last)) {
            String next = keys.poll(WAIT_SECONDS, TimeUnit.SECONDS);
            if (next == null) {
                throw new AssertionError("after " + seen + " nothing more came");
            }
            seen.add(next);
        }
        return seen;
    }

    @Override
    public void onNext(WatchResponse response) {
        if (response.getCreated()) {
            created.countDown();
        }
        response.getEventsList().forEach(event -> keys.add(event.getKv().getKey().toStringUtf8()));
    }

    @Override
    public void onError(Throwable error) {
        keys.add(String.valueOf(error.getMessage()));
    }

    @Override
    public void onCompleted() {
        keys.add("completed");
    }

    @Override
    public void close() {
        requests.onCompleted();
    }
}
