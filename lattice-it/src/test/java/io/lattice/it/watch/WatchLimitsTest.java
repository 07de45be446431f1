package io.lattice.it.watch;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.ControlPlane;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.NodeClient;
import io.lattice.it.cluster.TenantChannels;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.differential.Alphabet;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.LeaseGrpc;
import io.lattice.proto.etcdserverpb.LeaseRevokeRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.proto.mvccpb.Event;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// Watches at their limits: as many as a stream may have, a client that asks and never reads, a revision that is as large as a lease makes
/// it, and streams without a watcher.
class WatchLimitsTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int MANY = 100_000;

    /// Of a client, so that few answers fill it.
    private static final int WINDOW_BYTES = 65_535;

    private static final int UNREAD_MAX = 50_000;

    /// Puts that are answered while the other client still can't send.
    private static final int ROUND_TRIPS = 20;

    private static final long LEASE = 7;

    private static TestCluster lattice;
    private static NodeClient client;

    @BeforeAll
    static void start() {
        lattice = CLUSTERS.plain("lattice", new LatticeKind("[tenants.tenant.other]\n"), 1);
        client = lattice.client(0);
    }

    private static ByteString key(String name) {
        return ByteString.copyFromUtf8(name);
    }

    private static long put(String name) {
        return client.kv(20)
                .put(PutRequest.newBuilder().setKey(key(name)).build())
                .getHeader()
                .getRevision();
    }

    private static WatchCreateRequest.Builder watch(String name) {
        return WatchCreateRequest.newBuilder().setKey(key(name));
    }

    private static WatchCreateRequest.Builder watchPrefix(String prefix) {
        return watch(prefix).setRangeEnd(Alphabet.prefixEnd(key(prefix)));
    }

    @Test
    void theWatcherAfterAHundredThousandIsRefusedAndTheOthersGoOn() {
        try (WatchRecorder stream = WatchRecorder.open(client.channel())) {
            for (int i = 0; i <= MANY; i++) {
                stream.create(watch("many" + i % 1_000));
            }
            stream.await("all are answered", r -> r.count() == MANY + 1);
            List<WatchResponse> answers = stream.responses();
            assertThat(answers.subList(0, MANY)).noneMatch(WatchResponse::getCanceled);
            WatchResponse refusal = answers.getLast();
            assertThat(refusal.getCreated()).isTrue();
            assertThat(refusal.getCanceled()).isTrue();
            assertThat(refusal.getWatchId()).isEqualTo(-1);
            assertThat(refusal.getCancelReason()).isEqualTo("etcdserver: too many requests");

            long revision = put("many7");
            stream.await("an event for each", r -> r.count() == MANY + 1 + MANY / 1_000);
            assertThat(stream.responses().subList(MANY + 1, MANY + 1 + MANY / 1_000))
                    .allMatch(r -> r.getEvents(0).getKv().getModRevision() == revision);
            stream.cancel(7);
            stream.create(watch("last"));
            stream.await("its creation", r -> r.count() == MANY + MANY / 1_000 + 3);
            put("last");
            stream.await("its event", r -> !r.events(MANY).isEmpty());
            assertThat(stream.end()).isNull();
        }
    }

    @Test
    void aClientThatAsksAndNeverReadsIsReadNoMoreAndGetsAllItsAnswersWhenItReads() {
        ManagedChannel channel =
                NettyChannelBuilder.forAddress(lattice.node(0).host(), lattice.node(0).clientPort())
                        .usePlaintext()
                        .flowControlWindow(WINDOW_BYTES)
                        .build();
        try (WatchRecorder unread = WatchRecorder.openUnread(channel)) {
            // Refused each time, with a reason, so that answers are large.
            WatchCreateRequest.Builder again =
                    watch("unread")
                            .setWatchId(7)
                            .setStartRevision(1)
                            .setRangeEnd(key("z".repeat(1 << 10)));
            unread.create(watch("unread").setWatchId(7));
            int[] sent = {1};
            int[] held = {0};
            Await.until(
                    "the server reads no more",
                    LIMIT,
                    () -> {
                        put("elsewhere");
                        held[0]++;
                        while (unread.canSend() && sent[0] < UNREAD_MAX) {
                            unread.create(again);
                            sent[0]++;
                            held[0] = 0;
                        }
                        return held[0] == ROUND_TRIPS || sent[0] == UNREAD_MAX;
                    });
            assertThat(sent[0]).isLessThan(UNREAD_MAX);

            unread.read(UNREAD_MAX);
            unread.await("all are answered", r -> r.count() == sent[0]);
            put("unread");
            unread.await("an event", r -> !r.events(7).isEmpty());
            assertThat(unread.responses().getFirst().getCanceled()).isFalse();
            assertThat(unread.responses().subList(1, sent[0])).allMatch(WatchResponse::getCanceled);
        } finally {
            channel.shutdownNow();
        }
    }

    @Test
    void aRevisionOfAHundredThousandEventsComesWholeAndInOrderWhileOthersGoOn() throws Exception {
        client.grantWithKeys(LEASE, 600, "large/", MANY);
        KVGrpc.KVBlockingStub otherTenant =
                KVGrpc.newBlockingStub(TenantChannels.of(lattice, 0, "other"));
        try (WatchRecorder whole = WatchRecorder.open(client.channel());
                WatchRecorder parts = WatchRecorder.open(client.channel());
                WatchRecorder elsewhere = WatchRecorder.open(client.channel());
                WatchRecorder other = WatchRecorder.open(TenantChannels.of(lattice, 0, "other"))) {
            whole.create(watchPrefix("large/"));
            parts.create(watchPrefix("large/").setFragment(true));
            elsewhere.create(watch("elsewhere"));
            other.create(watch("elsewhere"));
            for (WatchRecorder stream : List.of(whole, parts, elsewhere, other)) {
                stream.await("its creation", r -> r.count() == 1);
            }
            Puts puts = new Puts(otherTenant);
            Thread putting = Thread.ofVirtual().start(puts);
            long revoked;
            try {
                elsewhere.await("puts go on", r -> r.events(0).size() > ROUND_TRIPS);
                revoked =
                        LeaseGrpc.newBlockingStub(client.channel())
                                .withDeadlineAfter(60, TimeUnit.SECONDS)
                                .leaseRevoke(LeaseRevokeRequest.newBuilder().setID(LEASE).build())
                                .getHeader()
                                .getRevision();
                whole.await("all events", r -> r.events(0).size() == MANY);
                parts.await("all events", r -> r.events(0).size() == MANY);
            } finally {
                puts.stop();
                putting.join();
            }

            assertThat(puts.failure).isNull();
            assertThat(whole.count()).as("its creation, and one response").isEqualTo(2);
            List<Boolean> fragments =
                    parts.of(0).stream().skip(1).map(WatchResponse::getFragment).toList();
            assertThat(fragments).hasSizeGreaterThan(1).endsWith(false);
            assertThat(fragments.subList(0, fragments.size() - 1)).containsOnly(true);
            assertDeleted(whole.events(0), revoked);
            assertDeleted(parts.events(0), revoked);
            elsewhere.await("every put", r -> r.events(0).size() == puts.done);
            other.await("every put", r -> r.events(0).size() == puts.done);
            System.out.printf(
                    "WatchLimitsTest: %d puts to each of two tenants around a revision of %d events, the longest %d ms%n",
                    puts.done, MANY, TimeUnit.NANOSECONDS.toMillis(puts.longestNanos));
        }
    }

    private static ByteString large(int i) {
        return key("large/%06d".formatted(i));
    }

    private static void assertDeleted(List<Event> events, long revision) {
        assertThat(events).allMatch(e -> e.getType() == Event.EventType.DELETE);
        assertThat(events).allMatch(e -> e.getKv().getModRevision() == revision);
        assertThat(events.stream().map(e -> e.getKv().getKey()))
                .containsExactlyElementsOf(
                        IntStream.range(0, MANY).mapToObj(WatchLimitsTest::large).toList());
    }

    /// Puts by two tenants in turn, until it is stopped.
    private static final class Puts implements Runnable {
        private final KVGrpc.KVBlockingStub other;
        private volatile boolean stopped;
        private volatile @Nullable Throwable failure;
        private int done;
        private long longestNanos;

        Puts(KVGrpc.KVBlockingStub other) {
            this.other = other;
        }

        void stop() {
            stopped = true;
        }

        @Override
        public void run() {
            try {
                while (!stopped) {
                    timed(client.kv(30));
                    timed(other.withDeadlineAfter(30, TimeUnit.SECONDS));
                    done++;
                }
            } catch (RuntimeException e) {
                failure = e;
            }
        }

        private void timed(KVGrpc.KVBlockingStub kv) {
            long began = System.nanoTime();
            kv.put(PutRequest.newBuilder().setKey(key("elsewhere")).build());
            longestNanos = Math.max(longestNanos, System.nanoTime() - began);
        }
    }

    @Test
    void aStreamEndsWhenItsLastWatcherHasGoneForLongEnoughByTheManifestInForce() {
        ControlPlane manifest = CLUSTERS.controlPlane();
        TestCluster placed =
                CLUSTERS.prepare(
                        TestCluster.Plan.plain(
                                LatticeKind.placed(manifest.section()),
                                1,
                                CLUSTERS.directory("placed")));
        placed.startNode(0);
        manifest.putGroup("g1", placed, 0);
        manifest.putTenantWithIdleTimeout("default", "g1", 600_000);
        placed.awaitReady();
        try (WatchRecorder before = WatchRecorder.open(placed.client(0).channel())) {
            before.create(watch("a"));
            before.await("its creation", r -> r.count() == 1);
            before.cancel(0);
            before.await("its end", r -> r.count() == 2);
            manifest.putTenantWithIdleTimeout("default", "g1", 1_000);
            List<WatchRecorder> opened = new ArrayList<>();
            Await.until(
                    "a stream ends as the new manifest has it",
                    LIMIT,
                    () -> {
                        WatchRecorder idle = WatchRecorder.open(placed.client(0).channel());
                        opened.add(idle);
                        return opened.stream().anyMatch(r -> r.end() != null);
                    });
            opened.forEach(WatchRecorder::close);
            try (WatchRecorder cancelled = WatchRecorder.open(placed.client(0).channel());
                    WatchRecorder used = WatchRecorder.open(placed.client(0).channel())) {
                used.create(watch("a"));
                cancelled.create(watch("a"));
                cancelled.create(watch("b"));
                cancelled.cancel(0);
                cancelled.await("one watcher is left", r -> r.count() == 3);
                try (WatchRecorder idle = WatchRecorder.open(placed.client(0).channel())) {
                    idle.await("the timeout has passed since", r -> r.end() != null);
                }
                assertThat(cancelled.end()).isNull();

                cancelled.cancel(1);
                cancelled.await("its end", r -> r.end() != null);

                assertThat(cancelled.count()).isEqualTo(4);
                assertThat(cancelled.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
                assertThat(cancelled.end().getDescription())
                        .isEqualTo("lattice: the watch stream had no watcher for 1000 ms");
                assertThat(used.end()).isNull();
                assertThat(before.end()).as("of a stream that looks again by the former").isNull();
            }
        }
    }
}
