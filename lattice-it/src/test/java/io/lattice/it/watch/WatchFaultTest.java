package io.lattice.it.watch;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.proto.mvccpb.Event;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// What is recorded on streams while nodes are killed and paused keeps the promises of a watch.
class WatchFaultTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final int WRITES = 150;
    private static final ByteString ALL = ByteString.copyFrom(new byte[] {0});

    private TestCluster cluster;
    private final Random random = new Random(4);
    private final List<Event> history = new ArrayList<>();

    /// A watcher that goes on with the next node when its stream ends, right behind what it has.
    private final class Follower {
        private final List<WatchResponse> received = new ArrayList<>();
        private int node;
        private long next = 1;
        private WatchRecorder stream;

        Follower(int node) {
            this.node = node;
            this.stream = open();
        }

        private WatchRecorder open() {
            WatchRecorder opened = WatchRecorder.openWithLeader(cluster.client(node).channel());
            opened.create(
                    WatchCreateRequest.newBuilder()
                            .setKey(ALL)
                            .setRangeEnd(ALL)
                            .setStartRevision(next)
                            .setPrevKv(true)
                            .setProgressNotify(true));
            return opened;
        }

        List<WatchResponse> all() {
            List<WatchResponse> all = new ArrayList<>(received);
            all.addAll(stream.responses());
            return all;
        }

        void follow() {
            if (stream.end() == null) {
                stream.progress();
                return;
            }
            received.addAll(stream.responses());
            for (WatchResponse response : received) {
                assertThat(response.getCanceled()).as("%s", response).isFalse();
                for (Event event : response.getEventsList()) {
                    next = Math.max(next, event.getKv().getModRevision() + 1);
                }
            }
            node = (node + 1) % cluster.size();
            cluster.client(node).channel().resetConnectBackoff();
            stream = open();
        }

        boolean has(long revision) {
            follow();
            return all().stream()
                    .flatMap(r -> r.getEventsList().stream())
                    .anyMatch(e -> e.getKv().getModRevision() == revision);
        }
    }

    private void write(int count, List<Follower> followers) {
        for (int i = 0; i < count; i++) {
            try {
                writeOnce(random.nextInt(cluster.size()));
            } catch (StatusRuntimeException e) {
                // The node is down, or the write is undecided: the history will tell.
                assertThat(e.getStatus().getCode())
                        .isIn(Status.Code.UNAVAILABLE, Status.Code.DEADLINE_EXCEEDED);
            }
            followers.forEach(Follower::follow);
        }
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
    private long settle(List<Follower> followers) {
        int leader = cluster.awaitLeader();
        cluster.awaitReady(leader);
        long last =
                cluster.client(leader)
                        .kv(10)
                        .put(PutRequest.newBuilder().setKey(ALL).build())
                        .getHeader()
                        .getRevision();
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
        for (Follower follower : followers) {
            follower.stream.await("the last event", r -> follower.has(last));
        }
        return last;
    }

    @Test
    void streamsKeepTheirPromisesOverAKilledLeaderAPausedNodeAndACompaction() {
        cluster = CLUSTERS.plain("lattice", new LatticeKind(), 3);
        List<Follower> followers = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            followers.add(new Follower(i % 3));
        }
        write(WRITES, followers);
        int killed = cluster.awaitLeader();
        cluster.kill(killed);
        write(WRITES, followers);
        cluster.startNode(killed);
        cluster.awaitReady(killed);
        long settled = settle(followers);
        cluster.client(killed)
                .kv(10)
                .compact(CompactionRequest.newBuilder().setRevision(settled).build());
        int paused = cluster.awaitLeader();
        cluster.pause(paused);
        write(WRITES / 10, followers);
        cluster.resume(paused);
        write(WRITES, followers);
        long last = settle(followers);

        WatchValidator validator = new WatchValidator(history);
        for (Follower follower : followers) {
            assertThat(
                            validator.check(
                                    new WatchValidator.Received(
                                            "follower " + followers.indexOf(follower),
                                            key -> true,
                                            1,
                                            follower.all(),
                                            false),
                                    last))
                    .isEmpty();
            follower.stream.close();
        }
        assertThat(followers.stream().anyMatch(f -> !f.received.isEmpty())).isTrue();
        assertThat(history).hasSizeGreaterThan(2 * WRITES);
    }

    @Test
    void aStreamThatWantsALeaderIsCutOffWhenThereIsNoneAndOthersStay() {
        cluster = CLUSTERS.plain("minority", new LatticeKind(), 3);
        int left = (cluster.awaitLeader() + 1) % 3;
        WatchCreateRequest.Builder watch =
                WatchCreateRequest.newBuilder().setKey(ALL).setStartRevision(1);
        try (WatchRecorder strict = WatchRecorder.openWithLeader(cluster.client(left).channel());
                WatchRecorder lax = WatchRecorder.open(cluster.client(left).channel())) {
            strict.create(watch);
            lax.create(watch);
            strict.await("its creation", r -> !r.responses().isEmpty());
            lax.await("its creation", r -> !r.responses().isEmpty());

            cluster.kill((left + 1) % 3);
            cluster.kill((left + 2) % 3);
            strict.await("its end", r -> r.end() != null);

            assertThat(strict.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            assertThat(strict.end().getDescription()).isEqualTo("etcdserver: no leader");
            assertThat(lax.end()).isNull();
            try (WatchRecorder late =
                    WatchRecorder.openWithLeader(cluster.client(left).channel())) {
                late.await("a refusal", r -> r.end() != null);
                assertThat(late.end().getDescription()).isEqualTo("etcdserver: no leader");
            }
        }
    }
}
