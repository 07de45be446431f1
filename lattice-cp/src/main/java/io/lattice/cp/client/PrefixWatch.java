package io.lattice.cp.client;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchGrpc;
import io.lattice.proto.etcdserverpb.WatchRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/// Tells that something under a prefix has changed. What changed is for a reading to find out, which sees a whole transaction
/// or nothing of it. Thread-safe.
public final class PrefixWatch implements AutoCloseable {
    private final AtomicBoolean over = new AtomicBoolean();
    private final Responses responses;

    /// Told why a watch is over.
    @FunctionalInterface
    public interface Ended {
        void because(String reason);
    }

    private PrefixWatch(Runnable changed, Ended ended) {
        this.responses = new Responses(changed, ended);
    }

    static PrefixWatch open(
            ManagedChannel channel,
            ByteString prefix,
            ByteString prefixEnd,
            long revision,
            Runnable changed,
            Ended ended) {
        PrefixWatch watch = new PrefixWatch(changed, ended);
        // Both ends of the call stay open until one of them ends it.
        WatchGrpc.newStub(channel)
                .watch(watch.responses)
                .onNext(
                        WatchRequest.newBuilder()
                                .setCreateRequest(
                                        WatchCreateRequest.newBuilder()
                                                .setKey(prefix)
                                                .setRangeEnd(prefixEnd)
                                                .setStartRevision(revision))
                                .build());
        return watch;
    }

    /// Whether changes are still told.
    public boolean isOpen() {
        return !over.get();
    }

    /// Ends the watch. Nobody is told.
    @Override
    public void close() {
        if (over.compareAndSet(false, true)) {
            responses.cancel();
        }
    }

    private final class Responses implements ClientResponseObserver<WatchRequest, WatchResponse> {
        private final Runnable changed;
        private final Ended ended;
        private volatile @Nullable ClientCallStreamObserver<WatchRequest> call;

        Responses(Runnable changed, Ended ended) {
            this.changed = changed;
            this.ended = ended;
        }

        @Override
        public void beforeStart(ClientCallStreamObserver<WatchRequest> requests) {
            call = requests;
        }

        @Override
        public void onNext(WatchResponse response) {
            if (over.get()) {
                return;
            }
            if (response.getCanceled()) {
                end(
                        response.getCompactRevision() > 0
                                ? "compacted at revision " + response.getCompactRevision()
                                : "cancelled: " + response.getCancelReason());
                cancel();
            } else if (response.getEventsCount() > 0) {
                changed.run();
            }
        }

        @Override
        public void onError(Throwable failure) {
            end(String.valueOf(failure.getMessage()));
        }

        @Override
        public void onCompleted() {
            end("ended by the control plane");
        }

        private void end(String reason) {
            if (over.compareAndSet(false, true)) {
                ended.because(reason);
            }
        }

        private void cancel() {
            ClientCallStreamObserver<WatchRequest> open = call;
            if (open != null) {
                open.cancel("no longer needed", null);
            }
        }
    }
}
