package io.lattice.gateway.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.LeaseGrpc;
import io.lattice.proto.etcdserverpb.LeaseKeepAliveRequest;
import io.lattice.proto.etcdserverpb.LeaseKeepAliveResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class LeaderWantedTest {
    private static final MethodDescriptor<LeaseKeepAliveRequest, LeaseKeepAliveResponse> STREAM =
            LeaseGrpc.getLeaseKeepAliveMethod();

    private volatile boolean led = true;
    private final LeaderWanted wanted = new LeaderWanted(() -> led);

    @Test
    void whoWantsNoLeaderIsServedWithoutOne() {
        led = false;
        Call<LeaseKeepAliveRequest, LeaseKeepAliveResponse> plain = open(STREAM);
        Call<LeaseKeepAliveRequest, LeaseKeepAliveResponse> other = open(STREAM, "false");
        Call<LeaseKeepAliveRequest, LeaseKeepAliveResponse> first = open(STREAM, "no", "true");

        looks(5);

        assertThat(List.of(plain, other, first)).allMatch(call -> call.served);
        assertThat(List.of(plain, other, first)).allMatch(call -> call.closed == null);
    }

    @Test
    void withoutALeaderANewCallIsRefusedAtOnce() {
        led = false;

        var stream = open(STREAM, "true");
        var unary = open(KVGrpc.getRangeMethod(), "true");

        assertThat(stream.closed).isEqualTo(LeaderWanted.NO_LEADER);
        assertThat(unary.closed).isEqualTo(LeaderWanted.NO_LEADER);
        assertThat(stream.served || unary.served).isFalse();
    }

    @Test
    void aStreamEndsAfterThreeLooksInARowWithoutALeader() {
        var stream = open(STREAM, "true");
        var chunks = open(KVGrpc.getRangeStreamMethod(), "true");
        led = false;
        looks(2);
        led = true;
        looks(1);
        led = false;
        looks(2);
        assertThat(stream.closed).isNull();

        looks(1);

        assertThat(stream.closed).isEqualTo(LeaderWanted.NO_LEADER);
        assertThat(chunks.closed).isEqualTo(LeaderWanted.NO_LEADER);
    }

    @Test
    void theServiceOfAnEndedStreamIsToldThatItIsCancelledAndNothingElse() {
        var stream = open(STREAM, "true");
        led = false;
        looks(3);

        stream.listener.onMessage(LeaseKeepAliveRequest.getDefaultInstance());
        stream.listener.onHalfClose();
        stream.toClient().sendMessage(LeaseKeepAliveResponse.getDefaultInstance());
        stream.toClient().close(Status.OK, new Metadata());
        stream.listener.onComplete();

        assertThat(stream.told).containsExactly("cancelled");
        assertThat(stream.sent).isEmpty();
        assertThat(stream.toClient().isReady()).isFalse();
    }

    @Test
    void aStreamThatItsServiceOrItsClientEndedIsLeftAlone() {
        var completed = open(STREAM, "true");
        completed.toClient().close(Status.OK, new Metadata());
        completed.listener.onComplete();
        var cancelled = open(STREAM, "true");
        cancelled.listener.onCancel();
        led = false;

        looks(3);

        assertThat(completed.closed).isEqualTo(Status.OK);
        assertThat(completed.told).containsExactly("completed");
        assertThat(cancelled.closed).isNull();
        assertThat(cancelled.told).containsExactly("cancelled");
    }

    @Test
    void aUnaryCallUnderWayStays() {
        var unary = open(KVGrpc.getRangeMethod(), "true");
        led = false;

        looks(5);

        assertThat(unary.closed).isNull();
    }

    @Test
    void aStreamEndsOnceWhileItsServiceAnswersOnAnotherThread() throws InterruptedException {
        for (int round = 0; round < 200; round++) {
            led = true;
            var stream = open(STREAM, "true");
            led = false;
            looks(2);
            CountDownLatch both = new CountDownLatch(2);
            Thread service =
                    Thread.ofPlatform()
                            .start(() -> {
                                both.countDown();
                                for (int i = 0; i < 50; i++) {
                                    stream.toClient()
                                            .sendMessage(
                                                    LeaseKeepAliveResponse.getDefaultInstance());
                                }
                                stream.toClient().close(Status.OK, new Metadata());
                            });
            both.countDown();
            both.await();
            looks(1);
            service.join();

            assertThat(stream.misuse).isEmpty();
            assertThat(stream.closed).isNotNull();
        }
    }

    private void looks(int count) {
        for (int i = 0; i < count; i++) {
            wanted.look();
        }
    }

    private <Q, A> Call<Q, A> open(MethodDescriptor<Q, A> method, String... hasLeader) {
        Metadata headers = new Metadata();
        for (String value : hasLeader) {
            headers.put(Metadata.Key.of("hasleader", Metadata.ASCII_STRING_MARSHALLER), value);
        }
        Call<Q, A> call = new Call<>(method);
        call.listener =
                wanted.interceptCall(
                        call,
                        headers,
                        (toClient, ignored) -> {
                            call.served = true;
                            call.toClient = toClient;
                            return call.service();
                        });
        return call;
    }

    /// A call as the transport has it, and the service that is to serve it.
    private static final class Call<Q, A> extends ServerCall<Q, A> {
        private final MethodDescriptor<Q, A> method;
        private final List<A> sent = new ArrayList<>();
        private final List<String> told = new ArrayList<>();
        private final List<String> misuse = new ArrayList<>();
        private ServerCall.Listener<Q> listener = new ServerCall.Listener<>() {};
        private @Nullable ServerCall<Q, A> toClient;
        private boolean served;
        private @Nullable Status closed;

        Call(MethodDescriptor<Q, A> method) {
            this.method = method;
        }

        /// What the service answers on.
        ServerCall<Q, A> toClient() {
            if (toClient == null) {
                throw new IllegalStateException("not served");
            }
            return toClient;
        }

        ServerCall.Listener<Q> service() {
            return new ServerCall.Listener<>() {
                @Override
                public void onMessage(Q message) {
                    told.add("message");
                }

                @Override
                public void onHalfClose() {
                    told.add("half closed");
                }

                @Override
                public void onCancel() {
                    told.add("cancelled");
                }

                @Override
                public void onComplete() {
                    told.add("completed");
                }
            };
        }

        @Override
        public void request(int count) {}

        @Override
        public void sendHeaders(Metadata headers) {}

        @Override
        public void sendMessage(A message) {
            if (closed != null) {
                misuse.add("a message after the end");
            }
            sent.add(message);
        }

        @Override
        public void close(Status status, Metadata trailers) {
            if (closed != null) {
                misuse.add("a second end");
            }
            closed = status;
        }

        @Override
        public boolean isReady() {
            return true;
        }

        @Override
        public boolean isCancelled() {
            return false;
        }

        @Override
        public MethodDescriptor<Q, A> getMethodDescriptor() {
            return method;
        }
    }
}
