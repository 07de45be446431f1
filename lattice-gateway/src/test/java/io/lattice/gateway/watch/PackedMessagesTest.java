package io.lattice.gateway.watch;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCallHandler;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.lattice.gateway.http.ClientPort;
import io.lattice.gateway.http.EtcdServices;
import io.lattice.gateway.http.Limits;
import io.lattice.gateway.http.NodeHealth;
import io.lattice.gateway.observability.CallMetrics;
import io.lattice.gateway.security.ClientTls;
import io.lattice.gateway.security.DevCertificates;
import io.lattice.gateway.security.TlsFiles;
import io.lattice.gateway.security.TlsMaterial;
import io.lattice.gateway.wire.PackedMessages;
import io.lattice.proto.etcdserverpb.WatchGrpc;
import io.lattice.proto.etcdserverpb.WatchRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.proto.mvccpb.Event;
import io.lattice.proto.mvccpb.KeyValue;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Packed messages over a real client port: an ordinary client gets each message, as it was and in order.
@Timeout(60)
class PackedMessagesTest {
    private static final Limits LIMITS =
            new Limits(
                    10,
                    Duration.ofSeconds(60),
                    Duration.ofSeconds(20),
                    Duration.ofSeconds(20),
                    2 << 20);

    @TempDir Path directory;

    private final CallMetrics metrics =
            new CallMetrics(
                    EtcdServices.DESCRIPTORS, (method, headers, code, nanos, streaming) -> {});

    /// Sends the given packs to whoever watches, if the call takes packs.
    private static ServerServiceDefinition sending(List<List<WatchResponse>> packs) {
        MethodDescriptor<WatchRequest, WatchFrame> method =
                WatchGrpc.getWatchMethod().toBuilder(
                                WatchGrpc.getWatchMethod().getRequestMarshaller(),
                                new WatchFrame.FrameMarshaller())
                        .build();
        ServerCallHandler<WatchRequest, WatchFrame> handler =
                (call, headers) -> {
                    assertThat(call.getAttributes().get(PackedMessages.POSSIBLE)).isTrue();
                    return ServerCalls.<WatchRequest, WatchFrame>asyncBidiStreamingCall(
                                    responses -> {
                                        send(packs, responses);
                                        return new Deaf();
                                    })
                            .startCall(call, headers);
                };
        return ServerServiceDefinition.builder(
                        ServiceDescriptor.newBuilder(WatchGrpc.SERVICE_NAME)
                                .addMethod(method)
                                .build())
                .addMethod(method, handler)
                .build();
    }

    private static void send(
            List<List<WatchResponse>> packs, StreamObserver<WatchFrame> responses) {
        for (List<WatchResponse> pack : packs) {
            WatchFrame.send(pack.stream().map(WatchFrame::of).toList(), responses::onNext);
        }
        responses.onCompleted();
    }

    private static final class Deaf implements StreamObserver<WatchRequest> {
        @Override
        public void onNext(WatchRequest request) {}

        @Override
        public void onError(Throwable error) {}

        @Override
        public void onCompleted() {}
    }

    private static final class NoHealth implements NodeHealth {
        @Override
        public boolean hasLeader() {
            return true;
        }

        @Override
        public List<String> alarms() {
            return List.of();
        }

        @Override
        public void read(boolean linearizable, Consumer<@Nullable String> result) {
            result.accept(null);
        }

        @Override
        public Readiness readiness() {
            return new Readiness(true, true, true, true, "", 0, 0);
        }

        @Override
        public Map<String, String> versions() {
            return Map.of();
        }
    }

    private ClientPort port(@Nullable TlsFiles tls, List<List<WatchResponse>> packs)
            throws IOException {
        return ClientPort.start(
                new InetSocketAddress("127.0.0.1", 0),
                tls == null ? null : new ClientTls(TlsMaterial.load(tls), List.of("TLSv1.3")),
                LIMITS,
                List.of(sending(packs)),
                List.of(),
                List.of(),
                metrics,
                new NoHealth());
    }

    private static List<WatchResponse> received(ManagedChannel channel) throws Exception {
        List<WatchResponse> received = new ArrayList<>();
        CompletableFuture<List<WatchResponse>> all = new CompletableFuture<>();
        WatchGrpc.newStub(channel)
                .watch(
                        new StreamObserver<>() {
                            @Override
                            public void onNext(WatchResponse response) {
                                received.add(response);
                            }

                            @Override
                            public void onError(Throwable error) {
                                all.completeExceptionally(error);
                            }

                            @Override
                            public void onCompleted() {
                                all.complete(received);
                            }
                        });
        return all.get(30, TimeUnit.SECONDS);
    }

    private static WatchResponse response(long id, int valueBytes) {
        WatchResponse.Builder response = WatchResponse.newBuilder().setWatchId(id);
        if (valueBytes >= 0) {
            response.addEvents(
                    Event.newBuilder()
                            .setKv(
                                    KeyValue.newBuilder()
                                            .setValue(ByteString.copyFrom(new byte[valueBytes]))));
        }
        return response.build();
    }

    private static List<List<WatchResponse>> packs() {
        Random random = new Random(7);
        List<List<WatchResponse>> packs = new ArrayList<>();
        packs.add(List.of(response(1, 10)));
        // Empty messages, the first one too, have nothing but their frame headers.
        packs.add(List.of(response(0, -1), response(0, -1), response(0, 5), response(0, -1)));
        packs.add(LongStream.range(0, 2_000).mapToObj(i -> response(i, 60)).toList());
        packs.add(List.of(response(1, 1), response(2, 100_000), response(3, 1)));
        packs.add(List.of(response(1, 1_500_000), response(2, 1_200_000)));
        for (int pack = 0; pack < 50; pack++) {
            packs.add(
                    LongStream.range(0, 1 + random.nextInt(200))
                            .mapToObj(i -> response(i, random.nextInt(300) - 1))
                            .toList());
        }
        return packs;
    }

    private static List<WatchResponse> flat(List<List<WatchResponse>> packs) {
        return packs.stream().flatMap(List::stream).toList();
    }

    private static void stop(ClientPort port, ManagedChannel channel) throws InterruptedException {
        channel.shutdownNow();
        port.shutdown();
        port.drain(Duration.ofSeconds(5));
    }

    @Test
    void aClientGetsEachMessageAndEachIsCounted() throws Exception {
        List<List<WatchResponse>> packs = packs();
        ClientPort port = port(null, packs);
        ManagedChannel channel =
                NettyChannelBuilder.forAddress("127.0.0.1", port.port()).usePlaintext().build();
        try {
            List<WatchResponse> received = received(channel);

            assertThat(received).isEqualTo(flat(packs));
            long bytes = flat(packs).stream().mapToLong(r -> r.getSerializedSize()).sum();
            // Frame headers are counted for all but the first of a pack.
            assertThat(metrics.totals().sentBytes()).isBetween(bytes, bytes + 5L * received.size());
        } finally {
            stop(port, channel);
        }
    }

    @Test
    void alsoOverTls() throws Exception {
        DevCertificates ca = DevCertificates.createCa(directory, Instant.now());
        TlsFiles client = ca.createClient("c");
        List<List<WatchResponse>> packs = packs();
        ClientPort port = port(ca.createServer("n1", "n1", "localhost"), packs);
        ManagedChannel channel =
                NettyChannelBuilder.forAddress("localhost", port.port())
                        .sslContext(
                                GrpcSslContexts.forClient()
                                        .trustManager(client.ca().toFile())
                                        .keyManager(client.chain().toFile(), client.key().toFile())
                                        .build())
                        .build();
        try {
            assertThat(received(channel)).isEqualTo(flat(packs));
        } finally {
            stop(port, channel);
        }
    }
}
