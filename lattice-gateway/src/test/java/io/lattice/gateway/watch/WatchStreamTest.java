package io.lattice.gateway.watch;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.stub.ServerCallStreamObserver;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.proto.etcdserverpb.WatchCancelRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.statemachine.apply.StoreUnavailableException;
import io.lattice.statemachine.watch.WatchHub;
import io.netty.channel.DefaultEventLoop;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// What a stream takes from a client that asks for more than it is given, on an event loop with a call, a fence and a transport that do
/// what the test says.
@Timeout(60)
class WatchStreamTest {
    /// As [WatchRequests] has them.
    private static final int WAITING_MAX = 1_024;

    private static final int ANSWERS_MAX = 128;

    private static final int WATCHERS_MAX = 2_000;
    private static final long FUTURE = 1_000_000;

    private final DefaultEventLoop loop = new DefaultEventLoop();
    private final Call call = new Call();
    private final ArrayDeque<Runnable> fence = new ArrayDeque<>();
    private WatchStream stream;
    private int sent;

    /// The transport and the client's side of it.
    private static final class Call extends ServerCallStreamObserver<WatchFrame> {
        private final List<WatchResponse> received = new ArrayList<>();
        private boolean hasRoom = true;
        private int wanted;
        private @Nullable Throwable end;
        private Runnable onReady = () -> {};

        @Override
        public void onNext(WatchFrame frame) {
            try {
                received.add(
                        WatchResponse.parseFrom(new WatchFrame.FrameMarshaller().stream(frame)));
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }

        @Override
        public void onError(Throwable error) {
            end = error;
        }

        @Override
        public void onCompleted() {}

        @Override
        public boolean isReady() {
            return hasRoom;
        }

        @Override
        public void setOnReadyHandler(Runnable handler) {
            onReady = handler;
        }

        @Override
        public void request(int count) {
            wanted += count;
        }

        @Override
        public void disableAutoRequest() {}

        @Override
        public void disableAutoInboundFlowControl() {}

        @Override
        public void setMessageCompression(boolean enable) {}

        @Override
        public boolean isCancelled() {
            return false;
        }

        @Override
        public void setOnCancelHandler(Runnable handler) {}

        @Override
        public void setCompression(String compression) {}
    }

    private <T> T onLoop(Callable<T> part) throws Exception {
        return loop.submit(part).get();
    }

    private void open(int watchersMax) throws Exception {
        WatchContext context =
                new WatchContext(
                        new WatchHub(),
                        1,
                        () -> {
                            throw new StoreUnavailableException("nothing is read");
                        },
                        revision -> ResponseHeader.newBuilder().setRevision(revision).build(),
                        (ready, failed) -> fence.add(ready),
                        Runnable::run,
                        new WatchContext.Limits(
                                1 << 20,
                                watchersMax,
                                Duration.ofHours(1),
                                () -> Duration.ofHours(1)));
        stream = onLoop(() -> WatchStream.open(call, context, false, ended -> {}));
    }

    /// Sends requests for as long as the stream reads, and there are any.
    private void send(int count, WatchRequest request) throws Exception {
        for (int i = 0; i < count; i++) {
            boolean read =
                    onLoop(() -> {
                        if (call.wanted == 0) {
                            return false;
                        }
                        call.wanted--;
                        stream.onNext(request);
                        return true;
                    });
            if (!read) {
                return;
            }
            sent++;
        }
    }

    private void passFences() throws Exception {
        while (Boolean.TRUE.equals(
                onLoop(() -> {
                    Runnable waits = fence.poll();
                    if (waits != null) {
                        waits.run();
                    }
                    return waits != null;
                }))) {
            // What a fence lets through may wait for the next one.
        }
    }

    private static WatchRequest create(long from) {
        return WatchRequest.newBuilder()
                .setCreateRequest(
                        WatchCreateRequest.newBuilder()
                                .setKey(ByteString.copyFromUtf8("k"))
                                .setStartRevision(from))
                .build();
    }

    /// What has been sent when the stream has nothing more to do: it stops in between, for others.
    private List<WatchResponse> received() throws Exception {
        while (Boolean.FALSE.equals(onLoop(() -> loop.pendingTasks() == 0))) {
            // Whatever was there has run.
        }
        return onLoop(() -> List.copyOf(call.received));
    }

    private void assertCreated(int count) throws Exception {
        assertThat(received()).allMatch(r -> r.getCreated() && !r.getCanceled());
        assertThat(received().stream().map(WatchResponse::getWatchId))
                .containsExactlyElementsOf(LongStream.range(0, count).boxed().toList());
    }

    @AfterEach
    void stop() throws Exception {
        assertThat(call.end).isNull();
        var _ = loop.shutdownGracefully(0, 0, TimeUnit.SECONDS);
    }

    @Test
    void readsNoFurtherRequestWhileAsManyWaitForTheFenceAsMay() throws Exception {
        open(WATCHERS_MAX);

        send(WATCHERS_MAX, create(0));

        assertThat(sent).isEqualTo(WAITING_MAX);
        assertThat(received()).isEmpty();
        passFences();
        assertCreated(WAITING_MAX);
        send(WATCHERS_MAX - WAITING_MAX, create(0));
        passFences();
        assertCreated(WATCHERS_MAX);
    }

    @Test
    void readsNoFurtherRequestWhileAsManyAnswersWaitForTheClientAsMay() throws Exception {
        open(WATCHERS_MAX);
        call.hasRoom = false;

        send(WATCHERS_MAX, create(FUTURE));

        assertThat(sent).isEqualTo(ANSWERS_MAX);
        assertThat(received()).isEmpty();
        makeRoom();
        assertCreated(ANSWERS_MAX);
        send(WATCHERS_MAX - ANSWERS_MAX, create(FUTURE));
        assertCreated(WATCHERS_MAX);
    }

    @Test
    void theAnswersToAllThatWaitedMayWaitWhenTheClientDoesNotRead() throws Exception {
        open(WATCHERS_MAX);
        call.hasRoom = false;
        send(ANSWERS_MAX - 1, create(FUTURE));
        send(WATCHERS_MAX, create(0));
        passFences();

        send(WATCHERS_MAX, create(FUTURE));

        assertThat(sent).isEqualTo(ANSWERS_MAX - 1 + WAITING_MAX);
        makeRoom();
        assertCreated(ANSWERS_MAX - 1 + WAITING_MAX);
    }

    private void makeRoom() throws Exception {
        var _ =
                onLoop(() -> {
                    call.hasRoom = true;
                    call.onReady.run();
                    return true;
                });
    }

    @Test
    void aWatcherTooManyIsRefusedAndTheOthersStayAndOneThatGoesMakesRoom() throws Exception {
        open(3);
        send(4, create(FUTURE));
        send(
                1,
                WatchRequest.newBuilder()
                        .setCancelRequest(WatchCancelRequest.newBuilder().setWatchId(1))
                        .build());
        send(1, create(FUTURE));

        List<WatchResponse> all = received();
        assertThat(all).hasSize(6);
        assertThat(all.subList(0, 3)).noneMatch(WatchResponse::getCanceled);
        WatchResponse refusal = all.get(3);
        assertThat(refusal.getCreated()).isTrue();
        assertThat(refusal.getCanceled()).isTrue();
        assertThat(refusal.getWatchId()).isEqualTo(-1);
        assertThat(refusal.getCancelReason()).isEqualTo("etcdserver: too many requests");
        assertThat(all.get(4).getWatchId()).isEqualTo(1);
        assertThat(all.get(4).getCanceled()).isTrue();
        assertThat(all.get(5).getCreated()).isTrue();
        assertThat(all.get(5).getCanceled()).isFalse();
        assertThat(all.get(5).getWatchId()).isEqualTo(3);
    }
}
