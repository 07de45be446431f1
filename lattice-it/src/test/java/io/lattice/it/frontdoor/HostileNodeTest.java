package io.lattice.it.frontdoor;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.ConnectivityState;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.NodeClient;
import io.lattice.it.cluster.NodeSpec;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchGrpc;
import io.lattice.proto.etcdserverpb.WatchRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// A real node under clients that mean ill. One honest client works all the while.
class HostileNodeTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration LIMIT = Duration.ofSeconds(60);

    /// The default of max_connections, less what the honest clients have open.
    private static final int IDLE = 9_990;

    private static final int FURTHER = 50;

    /// Of live heap, for a connection that has asked once and is kept open.
    private static final long HEAP_BYTES_MAX = 32 << 10;

    /// 64 MB or more: far beyond what buffers on the way hold.
    private static final int FLOOD_FRAMES = 8_000_000;

    private static final int WATCHES = 1_000;
    private static final Executor THREADS = Executors.newVirtualThreadPerTaskExecutor();

    private static TestCluster cluster;
    private static NodeSpec node;
    private static NodeClient honest;

    @BeforeAll
    static void start() {
        cluster = CLUSTERS.plain("hostile", new LatticeKind(), 1);
        node = cluster.node(0);
        honest = cluster.client(0);
    }

    @Test
    void tenThousandIdleConnectionsCostLittleAndMoreAreRefused() throws IOException {
        long before = liveHeapBytes();
        List<SocketChannel> idle = new ArrayList<>();
        try {
            while (idle.size() < IDLE) {
                SocketChannel opened = open();
                idle.add(opened);
                ask(opened);
            }
            for (SocketChannel connection : idle) {
                assertThat(answer(connection)).startsWith("HTTP/1.1 200 OK");
            }
            long perConnection = (liveHeapBytes() - before) / IDLE;

            assertThat(perConnection).isLessThan(HEAP_BYTES_MAX);
            int refused = 0;
            for (int i = 0; i < FURTHER; i++) {
                SocketChannel further = open();
                idle.add(further);
                refused += closesAtOnce(further) ? 1 : 0;
            }
            assertThat(refused).isBetween(FURTHER - 10, FURTHER - 1);
            assertThat(cluster.process(0).logText())
                    .contains("10000 connections are open, as many as max_connections allows");
            put();
        } finally {
            for (SocketChannel connection : idle) {
                connection.close();
            }
        }
        Await.until(
                "a new connection is served again",
                LIMIT,
                () -> {
                    try (SocketChannel further = open()) {
                        ask(further);
                        return answer(further).startsWith("HTTP/1.1 200 OK");
                    } catch (IOException stillFull) {
                        return false;
                    }
                });
    }

    @Test
    void floodsOfSettingsAndPingsAreCutOff() throws Exception {
        long before = liveHeapBytes();
        int answered =
                whileHonestClientsPut(() -> {
                    try (Http2Flood settings = new Http2Flood(node.host(), node.clientPort());
                            Http2Flood pings = new Http2Flood(node.host(), node.clientPort())) {
                        assertThat(settings.settings(FLOOD_FRAMES)).isTrue();
                        assertThat(pings.pings(FLOOD_FRAMES)).isTrue();
                    }
                });

        assertThat(answered).isPositive();
        assertThat(liveHeapBytes() - before).isLessThan(64 << 20);
    }

    @Test
    void whoResetsInALoopIsCutOffAndWhoCancelsAThousandWatchesIsNot() throws Exception {
        ManagedChannel channel = honest.channel();
        put();
        List<Context.CancellableContext> watches = new ArrayList<>();
        AtomicInteger created = new AtomicInteger();
        for (int i = 0; i < WATCHES; i++) {
            Context.CancellableContext context = Context.current().withCancellation();
            watches.add(context);
            context.run(() -> watch(channel, created));
        }
        Await.until("all watches are there", LIMIT, () -> created.get() == WATCHES);
        AtomicBoolean disconnected = new AtomicBoolean();
        channel.notifyWhenStateChanged(ConnectivityState.READY, () -> disconnected.set(true));

        int answered =
                whileHonestClientsPut(() -> {
                    try (Http2Flood resetting = new Http2Flood(node.host(), node.clientPort())) {
                        CompletableFuture<Boolean> cutOff =
                                CompletableFuture.supplyAsync(
                                        () -> resetting.resets(500_000), THREADS);
                        watches.forEach(context -> context.cancel(null));
                        assertThat(cutOff.join()).isTrue();
                    }
                    Await.until("the watches have gone", LIMIT, () -> activeStreams() == 0);
                });

        assertThat(answered).isPositive();
        assertThat(disconnected).isFalse();
    }

    private static void watch(ManagedChannel channel, AtomicInteger created) {
        StreamObserver<WatchRequest> requests =
                WatchGrpc.newStub(channel)
                        .watch(
                                new StreamObserver<>() {
                                    @Override
                                    public void onNext(WatchResponse response) {
                                        if (response.getCreated()) {
                                            created.incrementAndGet();
                                        }
                                    }

                                    @Override
                                    public void onError(Throwable cancelled) {}

                                    @Override
                                    public void onCompleted() {}
                                });
        requests.onNext(
                WatchRequest.newBuilder()
                        .setCreateRequest(
                                WatchCreateRequest.newBuilder()
                                        .setKey(ByteString.copyFromUtf8("unwritten")))
                        .build());
    }

    /// What is done while an honest client puts.
    @FunctionalInterface
    private interface Attack {
        void run() throws Exception;
    }

    /// How many puts were answered meanwhile. One that fails, fails the test.
    private static int whileHonestClientsPut(Attack attack) throws Exception {
        AtomicBoolean done = new AtomicBoolean();
        AtomicInteger answered = new AtomicInteger();
        CompletableFuture<Void> puts =
                CompletableFuture.runAsync(
                        () -> {
                            do {
                                put();
                                answered.incrementAndGet();
                            } while (!done.get());
                        },
                        THREADS);
        try {
            attack.run();
        } finally {
            done.set(true);
        }
        puts.join();
        return answered.get();
    }

    private static void put() {
        honest.kv(20)
                .put(
                        PutRequest.newBuilder()
                                .setKey(ByteString.copyFromUtf8("k"))
                                .setValue(ByteString.copyFromUtf8("v"))
                                .build());
    }

    private static SocketChannel open() throws IOException {
        return SocketChannel.open(new InetSocketAddress(node.host(), node.clientPort()));
    }

    private static void ask(SocketChannel connection) throws IOException {
        connection.write(
                ByteBuffer.wrap(
                        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                                .getBytes(StandardCharsets.US_ASCII)));
    }

    private static String answer(SocketChannel connection) throws IOException {
        ByteBuffer answer = ByteBuffer.allocate(1024);
        int length = connection.read(answer);
        return length < 0 ? "" : new String(answer.array(), 0, length, StandardCharsets.US_ASCII);
    }

    private static boolean closesAtOnce(SocketChannel connection) {
        try {
            ask(connection);
            return answer(connection).isEmpty();
        } catch (IOException reset) {
            return true;
        }
    }

    private static double activeStreams() {
        try (HttpClient http = HttpClient.newHttpClient()) {
            String metrics =
                    http.send(
                                    HttpRequest.newBuilder(
                                                    URI.create(
                                                            "http://%s:%d/metrics"
                                                                    .formatted(
                                                                            node.host(),
                                                                            node.metricsPort())))
                                            .build(),
                                    HttpResponse.BodyHandlers.ofString())
                            .body();
            return metrics.lines()
                    .filter(line -> line.startsWith("lattice_watch_active_streams"))
                    .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
                    .sum();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /// What is reachable: the last line of a histogram, which collects garbage first, is the sum.
    private static long liveHeapBytes() {
        String histogram =
                Command.run(
                                LIMIT,
                                List.of(
                                        System.getProperty("java.home") + "/bin/jcmd",
                                        Long.toString(cluster.process(0).pid()),
                                        "GC.class_histogram"))
                        .orThrow()
                        .out();
        String[] total = histogram.strip().lines().toList().getLast().trim().split("\\s+");
        assertThat(total[0]).isEqualTo("Total");
        return Long.parseLong(total[2]);
    }
}
