package io.lattice.gateway.http;

import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.PutResponse;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.WatchGrpc;
import io.lattice.proto.etcdserverpb.WatchRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.proto.mvccpb.KeyValue;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Services without a store: a range answers its own key, a put waits or fails as its key says, a watch answers each request
/// once and stays.
final class FakeNode implements NodeHealth {
    volatile boolean leader = true;
    volatile List<String> alarms = List.of();
    volatile @Nullable String readFailure;
    final CountDownLatch putMayEnd = new CountDownLatch(1);
    final AtomicInteger putsWaiting = new AtomicInteger();
    final AtomicInteger openWatches = new AtomicInteger();

    /// Watches whose client sends nothing further.
    final AtomicInteger endedWatches = new AtomicInteger();

    /// A watch takes no second request until [#takeMore].
    volatile boolean takesOneWatch;

    private volatile @Nullable ServerCallStreamObserver<WatchResponse> lastWatch;

    void takeMore() {
        ServerCallStreamObserver<WatchResponse> waiting = lastWatch;
        if (waiting != null) {
            waiting.request(1);
        }
    }

    List<ServerServiceDefinition> services() {
        return List.of(new Kv().bindService(), new Watches().bindService());
    }

    private final class Kv extends KVGrpc.KVImplBase {
        @Override
        public void range(RangeRequest request, StreamObserver<RangeResponse> observer) {
            observer.onNext(
                    RangeResponse.newBuilder()
                            .addKvs(KeyValue.newBuilder().setKey(request.getKey()).setVersion(7))
                            .setCount(1)
                            .build());
            observer.onCompleted();
        }

        @Override
        public void put(PutRequest request, StreamObserver<PutResponse> observer) {
            if (request.getKey().isEmpty()) {
                observer.onError(
                        Status.INVALID_ARGUMENT
                                .withDescription("etcdserver: key is not provided")
                                .asRuntimeException());
                return;
            }
            putsWaiting.incrementAndGet();
            Thread.ofVirtual()
                    .start(() -> {
                        try {
                            putMayEnd.await();
                        } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                        }
                        observer.onNext(PutResponse.getDefaultInstance());
                        observer.onCompleted();
                    });
        }
    }

    private final class Watches extends WatchGrpc.WatchImplBase {
        @Override
        public StreamObserver<WatchRequest> watch(StreamObserver<WatchResponse> observer) {
            openWatches.incrementAndGet();
            ServerCallStreamObserver<WatchResponse> call =
                    (ServerCallStreamObserver<WatchResponse>) observer;
            call.setOnCancelHandler(openWatches::decrementAndGet);
            call.disableAutoRequest();
            call.request(1);
            lastWatch = call;
            return new StreamObserver<>() {
                private long watchId;

                @Override
                public void onNext(WatchRequest request) {
                    observer.onNext(
                            WatchResponse.newBuilder()
                                    .setWatchId(++watchId)
                                    .setCreated(true)
                                    .build());
                    if (!takesOneWatch) {
                        call.request(1);
                    }
                }

                @Override
                public void onError(Throwable error) {}

                @Override
                public void onCompleted() {
                    endedWatches.incrementAndGet();
                }
            };
        }
    }

    @Override
    public boolean hasLeader() {
        return leader;
    }

    @Override
    public List<String> alarms() {
        return alarms;
    }

    @Override
    public void read(boolean linearizable, Consumer<@Nullable String> result) {
        result.accept(readFailure);
    }

    @Override
    public Readiness readiness() {
        return new Readiness(true, true, leader, true, "sha256:00", 1, 0);
    }

    @Override
    public Map<String, String> versions() {
        return Map.of("etcdserver", "3.7.3");
    }
}
