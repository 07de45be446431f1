package io.lattice.it.watch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.NamespaceNetwork;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.watch.WatchFollower.Resume;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.LeaseGrpc;
import io.lattice.proto.etcdserverpb.LeaseKeepAliveRequest;
import io.lattice.proto.etcdserverpb.LeaseKeepAliveResponse;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest.FilterType;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.proto.mvccpb.Event;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// What is recorded on streams while nodes are killed, paused and cut off keeps the promises of a watch.
class WatchFaultTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final int WRITES = 150;

    /// Often enough that each follower has had notifications when a fault comes.
    private static final LatticeKind KIND =
            new LatticeKind("[limits]\nwatch_progress_interval_ms = 200\n");

    private static final List<Integer> ALL_NODES = List.of(0, 1, 2);

    /// Of the network, and where its nodes listen.
    private static final int NAMESPACES = 46;

    private static final int PORTS = 12_379;
    private static final ByteString ALL = ByteString.copyFrom(new byte[] {0});
    private static final ByteString K1 = ByteString.copyFromUtf8("k1");

    private static final WatchCreateRequest EVERYTHING =
            watch("\0", "\0").setStartRevision(1).setPrevKv(true).setProgressNotify(true).build();

    /// Ranges that overlap and that don't, each with something else that may be asked for. None has the key that is written
    /// last, so that where they stand is known by notifications only.
    private static final List<WatchCreateRequest> RANGES =
            List.of(
                    watch("k0", "k3").setStartRevision(1).setPrevKv(true).build(),
                    watch("k5", "").setStartRevision(1).addFilters(FilterType.NOPUT).build(),
                    watch("k1", "k9").addFilters(FilterType.NODELETE).setPrevKv(true).build(),
                    watch("k", "\0").setStartRevision(1).setFragment(true).setPrevKv(true).build(),
                    watch("k", "l")
                            .addFilters(FilterType.NOPUT)
                            .addFilters(FilterType.NODELETE)
                            .setStartRevision(1)
                            .build());

    private TestCluster cluster;
    private final Random random = new Random(4);
    private final List<Event> history = new ArrayList<>();

    private void write(int count, List<Integer> nodes, List<WatchFollower> followers) {
        for (int i = 0; i < count; i++) {
            try {
                writeOnce(nodes.get(random.nextInt(nodes.size())));
            } catch (StatusRuntimeException e) {
                // The node is down, or the write is undecided: the history will tell.
                assertThat(e).matches(WatchFaultTest::tellsOfALostNode);
            }
            followers.forEach(WatchFollower::follow);
        }
    }

    /// A connection that ends under a request is Unknown to grpc-java.
    private static boolean tellsOfALostNode(StatusRuntimeException e) {
        return switch (e.getStatus().getCode()) {
            case UNAVAILABLE, DEADLINE_EXCEEDED -> true;
            case UNKNOWN -> e.getStatus().getCause() instanceof ClosedChannelException;
            default -> false;
        };
    }

    private void writeOnce(int node) {
        ByteString key = ByteString.copyFromUtf8("k" + random.nextInt(10));
        PutRequest put =
                PutRequest.newBuilder()
                        .setKey(key)
                        .setValue(ByteString.copyFromUtf8("v" + random.nextLong()))
                        .build();
        cluster.client(node).channel().resetConnectBackoff();
        switch (random.nextInt(4)) {
            case 0 ->
                    cluster.client(node)
                            .kv(2)
                            .deleteRange(DeleteRangeRequest.newBuilder().setKey(key).build());
            case 1 ->
                    cluster.client(node)
                            .kv(2)
                            .txn(
                                    TxnRequest.newBuilder()
                                            .addSuccess(RequestOp.newBuilder().setRequestPut(put))
                                            .addSuccess(
                                                    RequestOp.newBuilder()
                                                            .setRequestPut(
                                                                    put.toBuilder().setKey(ALL)))
                                            .build());
            default -> cluster.client(node).kv(2).put(put);
        }
    }

    /// Writes once more, waits until all have that, and keeps the history up to there from a stream of its own.
    private long settle(List<WatchFollower> followers) {
        int leader = cluster.awaitLeader();
        cluster.awaitReady(leader);
        long last = put(leader);
        long from = history.isEmpty() ? 1 : history.getLast().getKv().getModRevision() + 1;
        try (WatchRecorder recorder = WatchRecorder.open(cluster.client(leader).channel())) {
            recorder.create(
                    WatchCreateRequest.newBuilder()
                            .setKey(ALL)
                            .setRangeEnd(ALL)
                            .setStartRevision(from));
            recorder.await(
                    "the history is whole",
                    r ->
                            !r.events(0).isEmpty()
                                    && r.events(0).getLast().getKv().getModRevision() >= last);
            history.addAll(recorder.events(0));
        }
        followers.forEach(follower -> follower.awaitToldUpTo(last));
        return last;
    }

    private List<WatchFollower> followers() {
        List<WatchFollower> followers = new ArrayList<>();
        for (int node : ALL_NODES) {
            for (boolean wantsLeader : new boolean[] {true, false}) {
                follow(followers, node, Resume.LATEST, wantsLeader, true, List.of(EVERYTHING));
            }
            follow(followers, node, Resume.LATEST, false, true, RANGES);
            follow(followers, node, Resume.BOOKMARK, false, true, RANGES);
            follow(followers, node, Resume.BOOKMARK, true, false, notified(RANGES));
        }
        return followers;
    }

    private void follow(
            List<WatchFollower> followers,
            int node,
            Resume resume,
            boolean wantsLeader,
            boolean asks,
            List<WatchCreateRequest> requests) {
        followers.add(
                new WatchFollower(
                        cluster,
                        node,
                        new WatchFollower.Plan(resume, wantsLeader, asks, requests)));
    }

    private static WatchCreateRequest.Builder watch(String key, String end) {
        return WatchCreateRequest.newBuilder()
                .setKey(ByteString.copyFromUtf8(key))
                .setRangeEnd(ByteString.copyFromUtf8(end));
    }

    private static List<WatchCreateRequest> notified(List<WatchCreateRequest> requests) {
        return requests.stream()
                .map(request -> request.toBuilder().setProgressNotify(true).build())
                .toList();
    }

    /// Two transactions so large that their events, with the records before them, come in fragments.
    private void writeBulk(int node) {
        ByteString value = ByteString.copyFrom(new byte[170_000]);
        TxnRequest.Builder txn = TxnRequest.newBuilder();
        for (int i = 0; i < 8; i++) {
            txn.addSuccess(
                    RequestOp.newBuilder()
                            .setRequestPut(
                                    PutRequest.newBuilder()
                                            .setKey(ByteString.copyFromUtf8("kbulk" + i))
                                            .setValue(value)));
        }
        for (int i = 0; i < 2; i++) {
            Await.until(
                    "a large transaction is acknowledged",
                    Duration.ofSeconds(60),
                    () -> cluster.client(node).kv(5).txn(txn.build()).getSucceeded());
        }
    }

    private void compact(int node, long revision) {
        var _ =
                cluster.client(node)
                        .kv(10)
                        .compact(CompactionRequest.newBuilder().setRevision(revision).build());
    }

    /// Previous records too: whoever asked for them had every event before it was compacted.
    private void check(List<WatchFollower> followers, long last) {
        WatchValidator validator = new WatchValidator(history);
        for (WatchFollower follower : followers) {
            for (WatchValidator.Received received :
                    follower.received("follower " + followers.indexOf(follower))) {
                assertThat(validator.check(received, last)).isEmpty();
            }
            follower.close();
        }
        assertThat(followers).allMatch(follower -> follower.overtaken() == 0);
        assertThat(followers)
                .as("follow a bookmark beyond their events")
                .anyMatch(follower -> follower.resumedAheadOfEvents() > 0);
        assertThat(history).hasSizeGreaterThan(2 * WRITES);
        // The history comes from a watch too: it has every revision, of which the first is that of
        // the empty store.
        assertThat(history.stream().mapToLong(e -> e.getKv().getModRevision()).distinct())
                .containsExactlyElementsOf(LongStream.rangeClosed(2, last).boxed().toList());
    }

    @Test
    void streamsKeepTheirPromisesOverAKilledLeaderAPausedNodeAndACompaction() {
        cluster = CLUSTERS.plain("lattice", KIND, 3);
        List<WatchFollower> followers = followers();
        write(WRITES, ALL_NODES, followers);
        settle(followers);
        int killed = cluster.awaitLeader();
        // Nobody asks for progress after this one, so that those who go on behind a notification
        // get it again.
        long unmarked = put(killed, K1);
        followers.forEach(follower -> follower.awaitEvent(unmarked));
        cluster.kill(killed);
        writeBulk((killed + 1) % 3);
        write(WRITES, ALL_NODES, followers);
        cluster.startNode(killed);
        cluster.awaitReady(killed);
        compact(killed, settle(followers));
        int paused = cluster.awaitLeader();
        cluster.pause(paused);
        write(WRITES / 10, ALL_NODES, followers);
        cluster.resume(paused);
        write(WRITES, ALL_NODES, followers);

        check(followers, settle(followers));
        assertThat(followers).anyMatch(WatchFollower::hadFragments);
        assertThat(followers).anyMatch(follower -> follower.repeatedEvents() > 0);
    }

    @Test
    void streamsKeepTheirPromisesOverAPartitionInWhichTheOthersCompact() {
        NamespaceNetwork network = NamespaceNetwork.create(NAMESPACES, 3);
        cluster =
                CLUSTERS.prepare(
                        new TestCluster.Plan(
                                KIND, 3, CLUSTERS.directory("partition"), false, PORTS, network));
        ALL_NODES.forEach(cluster::startNode);
        cluster.awaitReady();
        List<WatchFollower> followers = followers();
        write(WRITES, ALL_NODES, followers);
        long settled = settle(followers);
        int cut = cluster.awaitLeader();
        network.cutFromPeers(cut);
        Await.until(
                "the others have a leader",
                Duration.ofSeconds(60),
                () -> cluster.awaitLeader() != cut);
        List<Integer> others = ALL_NODES.stream().filter(node -> node != cut).toList();
        compact(others.getFirst(), settled);
        write(WRITES, others, followers);
        Await.until(
                "who wants a leader has gone elsewhere",
                Duration.ofSeconds(60),
                () -> {
                    followers.forEach(WatchFollower::follow);
                    return followers.stream().noneMatch(f -> f.wantsLeader() && f.node() == cut);
                });
        // Whoever wants no leader is still there, and has nothing of this yet.
        assertThat(followers).anyMatch(f -> f.node() == cut && f.isConnected());

        network.heal();
        write(WRITES, others, followers);

        check(followers, settle(followers));
    }

    @Test
    void aWatchFromNowOnANodeThatWasPausedStartsBehindWhatWasAcknowledgedMeanwhile() {
        cluster = CLUSTERS.plain("now", new LatticeKind(), 3);
        int leader = cluster.awaitLeader();
        startsBehind(leader, (leader + 1) % 3);
        int follower = (cluster.awaitLeader() + 1) % 3;
        startsBehind(follower, cluster.awaitLeader());
    }

    /// A request to watch waits in the paused node's socket until it runs again, and doesn't know what has happened.
    private void startsBehind(int paused, int other) {
        ManagedChannel channel = cluster.client(paused).channel();
        try (WatchRecorder before = WatchRecorder.open(channel);
                WatchRecorder stream = WatchRecorder.open(channel)) {
            before.create(WatchCreateRequest.newBuilder().setKey(ALL).setRangeEnd(ALL));
            before.await("the node is connected", r -> !r.responses().isEmpty());
            cluster.pause(paused);
            long[] acknowledged = {0};
            try {
                Await.until(
                        "the others write",
                        Duration.ofSeconds(60),
                        () -> {
                            try {
                                acknowledged[0] = put(other);
                            } catch (StatusRuntimeException e) {
                                assertThat(e).matches(WatchFaultTest::tellsOfALostNode);
                            }
                            return acknowledged[0] > 0;
                        });
                stream.create(WatchCreateRequest.newBuilder().setKey(ALL).setRangeEnd(ALL));
            } finally {
                cluster.resume(paused);
            }
            stream.await("its creation", r -> !r.responses().isEmpty());
            WatchResponse created = stream.responses().getFirst();
            assertThat(created.getCreated()).isTrue();
            assertThat(created.getHeader().getRevision()).isGreaterThanOrEqualTo(acknowledged[0]);
            cluster.awaitReady();
            long after = put(other);
            stream.await("what comes after", r -> !r.events(0).isEmpty());
            assertThat(stream.events(0).getFirst().getKv().getModRevision()).isEqualTo(after);
        }
    }

    private long put(int node) {
        return put(node, ALL);
    }

    private long put(int node, ByteString key) {
        return cluster.client(node)
                .kv(10)
                .put(PutRequest.newBuilder().setKey(key).build())
                .getHeader()
                .getRevision();
    }

    @Test
    void whoWantsALeaderIsCutOffWhenThereIsNoneAndOthersStay() {
        cluster = CLUSTERS.plain("minority", new LatticeKind(), 3);
        int left = (cluster.awaitLeader() + 1) % 3;
        ManagedChannel channel = cluster.client(left).channel();
        Channel strictly = ClientInterceptors.intercept(channel, WatchRecorder.wantsLeader());
        WatchCreateRequest.Builder watch =
                WatchCreateRequest.newBuilder().setKey(ALL).setStartRevision(1);
        RenewalEnd strictRenewals = RenewalEnd.open(strictly);
        RenewalEnd laxRenewals = RenewalEnd.open(channel);
        try (WatchRecorder strict = WatchRecorder.openWithLeader(channel);
                WatchRecorder lax = WatchRecorder.open(channel)) {
            strict.create(watch);
            lax.create(watch);
            strict.await("its creation", r -> !r.responses().isEmpty());
            lax.await("its creation", r -> !r.responses().isEmpty());

            cluster.kill((left + 1) % 3);
            cluster.kill((left + 2) % 3);
            strict.await("its end", r -> r.end() != null);

            assertNoLeader(strict.end());
            strict.await("the end of the renewals", r -> strictRenewals.end != null);
            assertNoLeader(strictRenewals.end);
            assertThat(lax.end()).isNull();
            assertThat(laxRenewals.end).isNull();
            try (WatchRecorder late = WatchRecorder.openWithLeader(channel)) {
                late.await("a refusal", r -> r.end() != null);
                assertNoLeader(late.end());
            }
            // Serializable, so it needs no leader, but for the metadata.
            RangeRequest local =
                    RangeRequest.newBuilder().setKey(ALL).setSerializable(true).build();
            assertThat(cluster.client(left).kv(10).range(local).getHeader().getMemberId())
                    .isNotZero();
            assertThatThrownBy(() -> KVGrpc.newBlockingStub(strictly).range(local))
                    .isInstanceOfSatisfying(
                            StatusRuntimeException.class, e -> assertNoLeader(e.getStatus()));
        }
    }

    private static void assertNoLeader(@Nullable Status end) {
        assertThat(end).isNotNull();
        assertThat(end.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(end.getDescription()).isEqualTo("etcdserver: no leader");
    }

    /// A stream of renewals of a lease that doesn't exist, and what ends it.
    private static final class RenewalEnd implements StreamObserver<LeaseKeepAliveResponse> {
        private final CountDownLatch answered = new CountDownLatch(1);
        private volatile @Nullable Status end;

        /// Opens one, and waits until it is served.
        static RenewalEnd open(Channel channel) {
            RenewalEnd stream = new RenewalEnd();
            LeaseGrpc.newStub(channel)
                    .leaseKeepAlive(stream)
                    .onNext(LeaseKeepAliveRequest.newBuilder().setID(404).build());
            Await.until(
                    "a renewal is answered",
                    Duration.ofSeconds(30),
                    () -> stream.answered.getCount() == 0);
            return stream;
        }

        @Override
        public void onNext(LeaseKeepAliveResponse response) {
            answered.countDown();
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
