package io.lattice.it.watch;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.mvccpb.Event;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// A follower that was away for so long that it needs a snapshot has never applied what its watchers have to be told: it comes
/// from the history in the snapshot.
class WatchSnapshotTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    /// Hardly any log is kept behind a snapshot. Whole files of it go, and none before there are 1,024 entries to drop.
    private static final String SMALL_LOG =
            """
            [raft]
            snapshot_threshold_entries = 300
            log_retained_entries = 0
            segment_size_bytes = 4194304
            """;

    /// Enough for the log to lose its begin twice.
    private static final int AWAY_WRITES = 2_600;

    /// A leader has sent or prepared up to two requests of some 550 entries before a paused follower's connection is full.
    private static final long SENT_AT_MOST = 1_500;

    private static final ByteString LARGE = ByteString.copyFrom(new byte[12 << 10]);
    private static final ByteString ALL = ByteString.copyFrom(new byte[] {0});
    private static final ByteString K3 = ByteString.copyFromUtf8("k3");
    private static final Pattern LOG_FILE =
            Pattern.compile("log_(inprogress_)?(?<first>[0-9]+)(-[0-9]+)?");
    private static final Duration LIMIT = Duration.ofSeconds(90);

    private TestCluster cluster;
    private int leader;
    private int written;

    /// Puts and, now and then, deletes; returns the last revision.
    private long write(int count, ByteString value) {
        long revision = 0;
        for (int i = 0; i < count; i++) {
            ByteString key = ByteString.copyFromUtf8("k" + written % 7);
            if (++written % 5 == 0) {
                revision =
                        cluster.client(leader)
                                .kv(10)
                                .deleteRange(DeleteRangeRequest.newBuilder().setKey(key).build())
                                .getHeader()
                                .getRevision();
            } else {
                revision =
                        cluster.client(leader)
                                .kv(10)
                                .put(PutRequest.newBuilder().setKey(key).setValue(value).build())
                                .getHeader()
                                .getRevision();
            }
        }
        return revision;
    }

    private WatchRecorder watch(int node, WatchCreateRequest asked) {
        WatchRecorder recorder = WatchRecorder.open(cluster.client(node).channel());
        recorder.create(asked.toBuilder());
        return recorder;
    }

    private static WatchCreateRequest asked(ByteString key, ByteString end, long from) {
        return WatchCreateRequest.newBuilder()
                .setKey(key)
                .setRangeEnd(end)
                .setStartRevision(from)
                .setPrevKv(true)
                .build();
    }

    private static void awaitRevision(WatchRecorder recorder, long revision) {
        recorder.await(
                "the event at " + revision,
                r ->
                        !r.events(0).isEmpty()
                                && r.events(0).getLast().getKv().getModRevision() >= revision);
    }

    /// The first entry that a node's log still has.
    private long beginOfLog(int node) throws IOException {
        try (Stream<Path> files = Files.walk(cluster.node(node).directory().resolve("wal"))) {
            return files.map(file -> LOG_FILE.matcher(file.getFileName().toString()))
                    .filter(Matcher::matches)
                    .mapToLong(name -> Long.parseLong(name.group("first")))
                    .min()
                    .orElseThrow();
        }
    }

    private boolean tookSnapshot(int node) {
        return cluster.process(node).logText().contains("installed the snapshot at");
    }

    @Test
    void streamsOfAFollowerGoOnOverASnapshotAndNewOnesGetTheWholeHistory() {
        cluster = CLUSTERS.plain("lattice", new LatticeKind(SMALL_LOG), 3);
        leader = cluster.awaitLeader();
        int away = (leader + 1) % 3;
        long before = write(20, ALL);
        WatchCreateRequest ofAll = asked(ALL, ALL, 1);
        WatchCreateRequest ofOne = asked(K3, ByteString.EMPTY, 1);
        WatchCreateRequest ofFuture = asked(ALL, ALL, before + AWAY_WRITES / 2);
        try (WatchRecorder all = watch(away, ofAll);
                WatchRecorder one = watch(away, ofOne);
                WatchRecorder later = watch(away, ofFuture)) {
            awaitRevision(all, before);
            later.await("its creation", r -> !r.responses().isEmpty());

            cluster.pause(away);
            write(AWAY_WRITES, LARGE);
            Await.until(
                    "the log that the follower needs is gone on both others",
                    LIMIT,
                    () ->
                            beginOfLog(leader) > SENT_AT_MOST
                                    && beginOfLog((leader + 2) % 3) > SENT_AT_MOST);
            cluster.resume(away);
            Await.until("the follower takes a snapshot", LIMIT, () -> tookSnapshot(away));
            // Deletes of what isn't there leave no event: the last write is a put.
            write(20, ALL);
            long last = write(written % 5 == 4 ? 2 : 1, ALL);

            awaitRevision(all, last);
            awaitRevision(later, last);
            List<Event> history = historyFrom(leader, last);
            check(history, "all", all, ofAll, last);
            one.await("its last event", r -> r.events(0).size() >= count(history, K3));
            check(history, "one", one, ofOne, last);
            check(history, "later", later, ofFuture, last);
            try (WatchRecorder fresh = watch(away, ofAll)) {
                awaitRevision(fresh, last);
                check(history, "fresh", fresh, ofAll, last);
            }
        }
    }

    private List<Event> historyFrom(int node, long last) {
        try (WatchRecorder recorder = WatchRecorder.open(cluster.client(node).channel())) {
            recorder.create(
                    WatchCreateRequest.newBuilder()
                            .setKey(ALL)
                            .setRangeEnd(ALL)
                            .setStartRevision(1));
            awaitRevision(recorder, last);
            return recorder.events(0);
        }
    }

    private static long count(List<Event> history, ByteString key) {
        return history.stream().filter(event -> event.getKv().getKey().equals(key)).count();
    }

    private static void check(
            List<Event> history,
            String name,
            WatchRecorder recorder,
            WatchCreateRequest asked,
            long last) {
        assertThat(recorder.end()).as(name).isNull();
        assertThat(
                        new WatchValidator(history)
                                .check(
                                        new WatchValidator.Received(
                                                name, asked, recorder.responses()),
                                        last))
                .isEmpty();
    }
}
