package io.lattice.it.watch;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.watch.WatchFollower.Resume;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.proto.mvccpb.Event;
import java.time.Duration;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// Watchers that a compaction overtakes while their node is paused or dead are told so, the others of their stream go on, and
/// from the revision they were told on nothing is missing.
class WatchCompactionTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final ByteString ALL = ByteString.copyFrom(new byte[] {0});
    private static final ByteString SMALL = ByteString.copyFromUtf8("v");

    /// More together than a connection, a stream and its queue hold for a client that doesn't read.
    private static final ByteString LARGE = ByteString.copyFrom(new byte[128 << 10]);

    private static final int LARGE_PUTS = 60;
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private static TestCluster cluster;
    private static int writer;
    private static int away;
    private static int other;

    /// Is told of everything from the first revision on.
    private static WatchRecorder witness;

    @BeforeAll
    static void start() {
        cluster =
                CLUSTERS.plain(
                        "lattice",
                        new LatticeKind("[limits]\nwatch_progress_interval_ms = 200\n"),
                        3);
        writer = cluster.awaitLeader();
        away = (writer + 1) % 3;
        other = (writer + 2) % 3;
        witness = WatchRecorder.open(cluster.client(writer).channel());
        create(witness, List.of(watch("\0", "\0").setStartRevision(1).build()));
        witness.await("its creation", r -> !r.responses().isEmpty());
    }

    @AfterAll
    static void stop() {
        witness.close();
    }

    /// Puts k0, k1, k2, k0 and so on, some perhaps twice, and returns the last revision.
    private static long put(int count, ByteString value) {
        long[] revision = {0};
        for (int i = 0; i < count; i++) {
            PutRequest put =
                    PutRequest.newBuilder()
                            .setKey(ByteString.copyFromUtf8("k" + i % 3))
                            .setValue(value)
                            .build();
            Await.until(
                    "a put is acknowledged",
                    LIMIT,
                    () -> {
                        revision[0] =
                                cluster.client(writer).kv(5).put(put).getHeader().getRevision();
                        return true;
                    });
        }
        return revision[0];
    }

    private static void compact(long revision) {
        var _ =
                cluster.client(writer)
                        .kv(10)
                        .compact(CompactionRequest.newBuilder().setRevision(revision).build());
    }

    /// Waits until that node has applied a compaction, as a read of its own state tells.
    private static void awaitCompacted(int node, long revision) {
        RangeRequest before =
                RangeRequest.newBuilder()
                        .setKey(ALL)
                        .setRevision(revision - 1)
                        .setSerializable(true)
                        .build();
        Await.until(
                "the node has applied the compaction",
                LIMIT,
                () -> {
                    try {
                        return cluster.client(node).kv(2).range(before).getCount() < 0;
                    } catch (StatusRuntimeException e) {
                        return e.getStatus().getCode() == Status.Code.OUT_OF_RANGE
                                && String.valueOf(e.getStatus().getDescription())
                                        .contains("compacted");
                    }
                });
    }

    private static WatchCreateRequest.Builder watch(String key, String end) {
        return WatchCreateRequest.newBuilder()
                .setKey(ByteString.copyFromUtf8(key))
                .setRangeEnd(ByteString.copyFromUtf8(end));
    }

    /// Gives them the ids from 1 on.
    private static void create(WatchRecorder stream, List<WatchCreateRequest> asked) {
        for (int i = 0; i < asked.size(); i++) {
            stream.create(asked.get(i).toBuilder().setWatchId(i + 1));
        }
    }

    private static boolean isOver(WatchRecorder stream, long id) {
        List<WatchResponse> responses = stream.of(id);
        return !responses.isEmpty() && responses.getLast().getCanceled();
    }

    private static void awaitTold(WatchRecorder stream, long id, long revision) {
        stream.await(
                "watcher %d has the event at %d".formatted(id, revision),
                r ->
                        r.events(id).stream()
                                .anyMatch(event -> event.getKv().getModRevision() == revision));
    }

    private static WatchValidator.Received received(
            String name, WatchCreateRequest asked, List<WatchResponse> responses) {
        return new WatchValidator.Received(name, asked, responses);
    }

    private static void assertKept(List<WatchValidator.Received> all, long compacted, long last) {
        awaitTold(witness, 1, last);
        List<Event> history = witness.events(1);
        assertThat(history.stream().map(event -> event.getKv().getModRevision()))
                .containsExactlyElementsOf(
                        LongStream.rangeClosed(2, history.getLast().getKv().getModRevision())
                                .boxed()
                                .toList());
        WatchValidator validator = new WatchValidator(history, compacted);
        for (WatchValidator.Received received : all) {
            assertThat(validator.check(received, last)).isEmpty();
            assertThat(received.responses().stream().filter(WatchResponse::getCanceled))
                    .allMatch(end -> end.getCompactRevision() == compacted);
        }
    }

    /// The node is paused while others write and compact, and the client doesn't read what it then has to send.
    @Test
    void whoDoesNotReadIsToldWhatWasCompactedAndItsStreamGoesOn() {
        long before = put(3, SMALL);
        WatchCreateRequest now = watch("k", "l").setPrevKv(true).build();
        WatchCreateRequest past = watch("k1", "").setStartRevision(before - 1).build();
        WatchCreateRequest future =
                watch("k", "l").setStartRevision(before + LARGE_PUTS + 20).build();
        try (WatchRecorder slow = WatchRecorder.openUnread(cluster.client(away).channel());
                WatchRecorder resumed = WatchRecorder.open(cluster.client(other).channel())) {
            create(slow, List.of(now, past, future));
            slow.read(3);
            slow.await("three responses", r -> r.responses().size() == 3);

            cluster.pause(away);
            long compacted = put(LARGE_PUTS, LARGE);
            compact(compacted);
            cluster.resume(away);
            awaitCompacted(away, compacted);
            slow.read(10_000);
            slow.await("the end of two", r -> isOver(r, 1) && isOver(r, 2));

            create(
                    resumed,
                    List.of(
                            now.toBuilder().setStartRevision(compacted).build(),
                            past.toBuilder().setStartRevision(compacted).build()));
            long last = compacted;
            while (last < future.getStartRevision() + 3) {
                last = put(2, SMALL);
            }
            awaitTold(resumed, 1, last);
            awaitTold(resumed, 2, last);
            awaitTold(slow, 3, last);
            assertKept(
                    List.of(
                            received("now", now, joined(slow.toldOf(1), resumed.toldOf(1))),
                            received("past", past, joined(slow.toldOf(2), resumed.toldOf(2))),
                            received("future", future, slow.toldOf(3))),
                    compacted,
                    last);
        }
    }

    private static List<WatchResponse> joined(
            List<WatchResponse> first, List<WatchResponse> second) {
        return Stream.concat(first.stream(), second.stream()).toList();
    }

    /// The node is killed, and another one is asked for what is compacted by then.
    @Test
    void whoGoesOnElsewhereBelowACompactionIsToldSoAndTheOthersOfTheStreamGoOn() {
        long before = put(3, SMALL);
        List<WatchCreateRequest> asked =
                Stream.of(
                                watch("k", "l").setPrevKv(true).setStartRevision(before),
                                watch("k1", "").setStartRevision(before),
                                watch("quiet", "").setStartRevision(before),
                                watch("k", "l").setStartRevision(before + 30))
                        .map(request -> request.setProgressNotify(true).build())
                        .toList();
        try (WatchFollower follower =
                new WatchFollower(
                        cluster,
                        away,
                        new WatchFollower.Plan(Resume.LATEST, false, false, asked))) {
            follower.awaitToldUpTo(before);
            cluster.kill(away);
            long compacted = put(20, SMALL);
            compact(compacted);
            awaitCompacted(other, compacted);

            long last = put(20, SMALL);
            follower.awaitToldUpTo(last);

            assertThat(follower.node()).isEqualTo(other);
            assertThat(follower.overtaken()).isEqualTo(3);
            assertKept(follower.received("follower"), compacted, last);
        } finally {
            cluster.startNode(away);
            cluster.awaitReady(away);
        }
    }
}
