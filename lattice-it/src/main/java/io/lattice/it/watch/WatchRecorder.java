package io.lattice.it.watch;

import io.grpc.Channel;
import io.grpc.ClientInterceptor;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.MetadataUtils;
import io.lattice.it.cluster.Await;
import io.lattice.proto.etcdserverpb.WatchCancelRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchGrpc;
import io.lattice.proto.etcdserverpb.WatchProgressRequest;
import io.lattice.proto.etcdserverpb.WatchRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.proto.mvccpb.Event;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// One watch stream and everything that came on it. Requests are sent by one thread; answers may be looked at by any.
public final class WatchRecorder implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Metadata.Key<String> HAS_LEADER =
            Metadata.Key.of("hasleader", Metadata.ASCII_STRING_MARSHALLER);
    private static final int MESSAGE_BYTES_MAX = 256 << 20;

    /// Guarded by itself.
    private final List<WatchResponse> responses = new ArrayList<>();

    private final Receiver receiver;
    private final ClientCallStreamObserver<WatchRequest> requests;
    private volatile @Nullable Status end;

    private WatchRecorder(Channel channel, boolean wantsLeader, boolean reads) {
        WatchGrpc.WatchStub stub =
                WatchGrpc.newStub(channel).withMaxInboundMessageSize(MESSAGE_BYTES_MAX);
        if (wantsLeader) {
            stub = stub.withInterceptors(wantsLeader());
        }
        receiver = new Receiver(reads);
        requests = (ClientCallStreamObserver<WatchRequest>) stub.watch(receiver);
    }

    /// Has calls want a node with a leader.
    public static ClientInterceptor wantsLeader() {
        Metadata metadata = new Metadata();
        metadata.put(HAS_LEADER, "true");
        return MetadataUtils.newAttachHeadersInterceptor(metadata);
    }

    /// Opens a stream.
    public static WatchRecorder open(Channel channel) {
        return new WatchRecorder(channel, false, true);
    }

    /// Opens a stream that wants a node with a leader.
    public static WatchRecorder openWithLeader(Channel channel) {
        return new WatchRecorder(channel, true, true);
    }

    /// Opens a stream from which nothing is read until [#read(int)].
    public static WatchRecorder openUnread(Channel channel) {
        return new WatchRecorder(channel, false, false);
    }

    /// Whether a request would be sent rather than kept here until the server reads on.
    public boolean canSend() {
        return requests.isReady();
    }

    /// Reads some more messages.
    public void read(int messages) {
        requests.request(messages);
    }

    public void create(WatchCreateRequest.Builder request) {
        requests.onNext(WatchRequest.newBuilder().setCreateRequest(request).build());
    }

    public void cancel(long id) {
        requests.onNext(
                WatchRequest.newBuilder()
                        .setCancelRequest(WatchCancelRequest.newBuilder().setWatchId(id))
                        .build());
    }

    public void progress() {
        requests.onNext(
                WatchRequest.newBuilder()
                        .setProgressRequest(WatchProgressRequest.getDefaultInstance())
                        .build());
    }

    public void halfClose() {
        requests.onCompleted();
    }

    /// Everything received so far.
    public List<WatchResponse> responses() {
        synchronized (responses) {
            return List.copyOf(responses);
        }
    }

    /// How many responses were received so far.
    public int count() {
        synchronized (responses) {
            return responses.size();
        }
    }

    /// What was received for one id.
    public List<WatchResponse> of(long id) {
        return responses().stream().filter(r -> r.getWatchId() == id).toList();
    }

    /// The same, with the notifications for the whole stream.
    public List<WatchResponse> toldOf(long id) {
        return responses.stream()
                .filter(r -> r.getWatchId() == id || (r.getWatchId() < 0 && !r.getCreated()))
                .toList();
    }

    /// The events received for one id.
    public List<Event> events(long id) {
        return of(id).stream().flatMap(r -> r.getEventsList().stream()).toList();
    }

    /// How the server ended the stream, null if it hasn't.
    public @Nullable Status end() {
        return end;
    }

    /// Waits until what was received is as wanted.
    public void await(String what, Predicate<WatchRecorder> condition) {
        Await.until(what, LIMIT, () -> condition.test(this), this::summary);
    }

    private String summary() {
        List<WatchResponse> all = responses();
        return "received %d, the last %s; end %s"
                .formatted(all.size(), all.isEmpty() ? "" : all.getLast(), end);
    }

    @Override
    public void close() {
        requests.cancel("the test is over", null);
    }

    private final class Receiver implements ClientResponseObserver<WatchRequest, WatchResponse> {
        private final boolean reads;

        Receiver(boolean reads) {
            this.reads = reads;
        }

        @Override
        public void beforeStart(ClientCallStreamObserver<WatchRequest> call) {
            if (!reads) {
                call.disableAutoRequestWithInitial(0);
            }
        }

        @Override
        public void onNext(WatchResponse response) {
            synchronized (responses) {
                responses.add(response);
            }
        }

        @Override
        public void onError(Throwable error) {
            end = Status.fromThrowable(error);
        }

        @Override
        public void onCompleted() {
            end = Status.OK;
        }
    }
}
