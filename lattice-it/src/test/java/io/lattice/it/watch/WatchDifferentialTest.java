package io.lattice.it.watch;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.LeaseGrpc;
import io.lattice.proto.etcdserverpb.LeaseRevokeRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.proto.mvccpb.Event;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// The same watches, writes and ends of leases to Lattice and to the real etcd: what comes for each watch id has to be equal, however it is
/// cut into responses. After each request both streams are waited for, so that nothing depends on who was faster.
/// `-Dlattice.seed=N` replays, `-Dlattice.watch.sequences=N` sets how much.
class WatchDifferentialTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final int SEQUENCES = Integer.getInteger("lattice.watch.sequences", 40);
    private static final int STEPS = 40;
    private static final int LEASES = 3;
    private static final long SETTLED_IDS = 1_000;

    /// Where progress notifications for the whole stream are noted: etcd may send one before or after a refusal, which has
    /// no watcher's id either.
    private static final long PROGRESS = -2;

    private static final Duration LIMIT = Duration.ofSeconds(15);

    /// An event in a response.
    private record Told(Event event, ResponseHeader header, boolean isInHeader) {}

    private TestCluster etcd;
    private TestCluster lattice;
    private long current;
    private long compacted;
    private int settled;

    /// The sequence that is played, for reports.
    private final List<String> steps = new ArrayList<>();

    /// What its streams were asked to watch, in order.
    private final List<WatchCreateRequest> asked = new ArrayList<>();

    private int notified;

    @Test
    void watchersOfOneNodeAreToldWhatEtcdTells() {
        run(1);
    }

    @Test
    void watchersOfThreeNodesAreToldWhatEtcdTells() {
        run(3);
    }

    private void run(int nodes) {
        etcd = CLUSTERS.plain("etcd-" + nodes, new EtcdKind(false), 1);
        lattice = CLUSTERS.plain("lattice-" + nodes, new LatticeKind(), nodes);
        Long given = Long.getLong("lattice.seed");
        long seed = given != null ? given : ThreadLocalRandom.current().nextLong(1L << 32);
        System.out.printf("watches, %d nodes: -Dlattice.seed=%d%n", nodes, seed);
        current = 1;
        compacted = -1;
        for (long lease = 1; lease <= LEASES; lease++) {
            grant(lease);
        }
        int sequences = SEQUENCES / nodes;
        int enough = sequences * STEPS / 2;
        int compared = 0;
        for (int i = 0; i < sequences || compared < enough && i < 4 * sequences; i++) {
            compared += play(new Random(seed + i), i % nodes, seed + i);
        }
        assertThat(compared).isGreaterThanOrEqualTo(enough);
        assertThat(notified).as("progress notifications").isGreaterThanOrEqualTo(sequences / 2);
    }

    /// Plays one sequence on a stream of its own and returns how many events were compared.
    private int play(Random random, int member, long seed) {
        steps.clear();
        steps.add("seed " + seed);
        asked.clear();
        try (WatchRecorder left = WatchRecorder.open(etcd.client(0).channel());
                WatchRecorder right = WatchRecorder.open(lattice.client(member).channel())) {
            for (int i = 0; i < STEPS; i++) {
                steps.add(step(random, left, right));
                fence();
                awaitSame(left, right);
            }
            return left.responses().stream().mapToInt(WatchResponse::getEventsCount).sum();
        }
    }

    private void awaitSame(WatchRecorder left, WatchRecorder right) {
        Await.until(
                "etcd and Lattice have told the same",
                LIMIT,
                () -> normal(left).equals(normal(right)),
                () ->
                        "%s%netcd    %s%nLattice %s"
                                .formatted(String.join("\n", steps), normal(left), normal(right)));
    }

    private String step(Random random, WatchRecorder left, WatchRecorder right) {
        switch (random.nextInt(14)) {
            case 0, 1, 2 -> {
                WatchCreateRequest.Builder create = create(random);
                int before = left.responses().size();
                ask(create, left, right);
                left.await("an answer", r -> r.responses().size() > before);
                return "create " + create.build();
            }
            case 3 -> {
                long id = random.nextInt(8);
                left.cancel(id);
                right.cancel(id);
                return "cancel " + id;
            }
            case 4 -> {
                if (random.nextInt(3) == 0 && current > Math.max(1, compacted + 1)) {
                    settle(left, right);
                    long at = Math.max(compacted + 1, current - random.nextInt(6));
                    CompactionRequest request =
                            CompactionRequest.newBuilder().setRevision(at).build();
                    etcd.client(0).kv(10).compact(request);
                    lattice.client(0).kv(10).compact(request);
                    compacted = at;
                    return "compact " + at;
                }
                return "nothing";
            }
            case 5 -> {
                DeleteRangeRequest request =
                        DeleteRangeRequest.newBuilder()
                                .setKey(key(random))
                                .setRangeEnd(random.nextBoolean() ? ByteString.EMPTY : bytes("k4"))
                                .build();
                current = etcd.client(0).kv(10).deleteRange(request).getHeader().getRevision();
                lattice.client(0).kv(10).deleteRange(request);
                return "delete " + request;
            }
            case 6 -> {
                TxnRequest request =
                        TxnRequest.newBuilder()
                                .addSuccess(delete("k1", "k3"))
                                .addSuccess(put("k5", "a"))
                                .addSuccess(put("k" + (6 + random.nextInt(3)), "b"))
                                .build();
                current = etcd.client(0).kv(10).txn(request).getHeader().getRevision();
                lattice.client(0).kv(10).txn(request);
                return "txn " + request;
            }
            case 7 -> {
                return "progress " + progress(left, right);
            }
            case 8 -> {
                long lease = 1 + random.nextInt(LEASES);
                LeaseRevokeRequest request = LeaseRevokeRequest.newBuilder().setID(lease).build();
                current = leases(etcd).leaseRevoke(request).getHeader().getRevision();
                var _ = leases(lattice).leaseRevoke(request);
                grant(lease);
                return "revoke " + lease;
            }
            default -> {
                PutRequest request =
                        PutRequest.newBuilder()
                                .setKey(key(random))
                                .setValue(bytes("v" + random.nextInt(100)))
                                .setLease(random.nextInt(2 * LEASES + 1) / 2)
                                .build();
                current = etcd.client(0).kv(10).put(request).getHeader().getRevision();
                lattice.client(0).kv(10).put(request);
                return "put " + request;
            }
        }
    }

    private static LeaseGrpc.LeaseBlockingStub leases(TestCluster cluster) {
        return LeaseGrpc.newBlockingStub(cluster.client(0).channel())
                .withDeadlineAfter(10, TimeUnit.SECONDS);
    }

    private void grant(long lease) {
        LeaseGrantRequest request =
                LeaseGrantRequest.newBuilder().setID(lease).setTTL(3_600).build();
        var _ = leases(etcd).leaseGrant(request);
        var _ = leases(lattice).leaseGrant(request);
    }

    /// Waits until no watcher of etcd's is behind, since one that is would be overtaken by the compaction to come: etcd brings
    /// up all that are behind together, so that when the last one has its event, all have.
    private void settle(WatchRecorder left, WatchRecorder right) {
        settled++;
        long id = SETTLED_IDS + settled;
        WatchCreateRequest.Builder create =
                WatchCreateRequest.newBuilder()
                        .setWatchId(id)
                        .setRangeEnd(ByteString.copyFrom(new byte[] {0}))
                        .setStartRevision(current);
        ask(create, left, right);
        left.await("an event for the last watcher", r -> !r.events(id).isEmpty());
        right.await("an event for the last watcher", r -> !r.events(id).isEmpty());
        left.cancel(id);
        right.cancel(id);
    }

    private void ask(WatchCreateRequest.Builder create, WatchRecorder left, WatchRecorder right) {
        asked.add(create.build());
        left.create(create);
        right.create(create);
    }

    /// Asks for progress when nothing is under way, so that it is known whether etcd answers: it does if there is a watcher and
    /// none begins later. Returns whether it did.
    private boolean progress(WatchRecorder left, WatchRecorder right) {
        if (current > 1) {
            settle(left, right);
        }
        awaitSame(left, right);
        // etcd doesn't answer as long as one that was overtaken isn't cancelled; Lattice does.
        for (Map.Entry<Long, WatchResponse> last : lastOfEach(left).entrySet()) {
            if (last.getValue().getCompactRevision() > 0) {
                left.cancel(last.getKey());
                right.cancel(last.getKey());
            }
        }
        awaitServed(left, right);
        boolean due = isProgressDue(left);
        int before = notifications(left);
        left.progress();
        if (due) {
            int known = notifications(right);
            left.await("progress", r -> notifications(r) > before);
            // One that still reads the history for a watcher may drop the request.
            right.await(
                    "progress",
                    r -> {
                        r.progress();
                        return notifications(r) > known;
                    });
            notified++;
        } else {
            right.progress();
        }
        awaitServed(left, right);
        return due;
    }

    private static Map<Long, WatchResponse> lastOfEach(WatchRecorder recorder) {
        Map<Long, WatchResponse> last = new TreeMap<>();
        recorder.responses().forEach(response -> last.put(response.getWatchId(), response));
        return last;
    }

    /// Waits until both have served every request before this one, which is refused.
    private void awaitServed(WatchRecorder left, WatchRecorder right) {
        int refused = refusals(left);
        ask(WatchCreateRequest.newBuilder().setStartRevision(-1), left, right);
        left.await("a refusal", r -> refusals(r) > refused);
        right.await("a refusal", r -> refusals(r) > refused);
    }

    private static int refusals(WatchRecorder recorder) {
        return (int) recorder.of(-1).stream().filter(WatchResponse::getCreated).count();
    }

    /// How many notifications came for the whole stream.
    private static int notifications(WatchRecorder recorder) {
        return (int) recorder.of(-1).stream().filter(response -> !response.getCreated()).count();
    }

    /// By the order of the answers, which is that of the requests.
    private boolean isProgressDue(WatchRecorder recorder) {
        Map<Long, Long> starts = new TreeMap<>();
        int answered = 0;
        for (WatchResponse response : recorder.responses()) {
            if (response.getCreated()) {
                WatchCreateRequest request = asked.get(answered);
                answered++;
                if (!response.getCanceled()) {
                    starts.put(response.getWatchId(), request.getStartRevision());
                }
            } else if (response.getCanceled()) {
                starts.remove(response.getWatchId());
            }
        }
        return !starts.isEmpty() && starts.values().stream().allMatch(start -> start <= current);
    }

    /// Every member has applied what was acknowledged.
    private void fence() {
        for (int i = 0; i < lattice.size(); i++) {
            lattice.client(i).linearizableProbe();
        }
    }

    private WatchCreateRequest.Builder create(Random random) {
        WatchCreateRequest.Builder create =
                WatchCreateRequest.newBuilder()
                        .setKey(random.nextInt(8) == 0 ? ByteString.EMPTY : key(random))
                        .setPrevKv(random.nextBoolean())
                        .setFragment(random.nextInt(4) == 0)
                        .setProgressNotify(random.nextInt(4) == 0);
        switch (random.nextInt(4)) {
            case 0 -> create.setRangeEnd(bytes("k" + random.nextInt(9)));
            case 1 -> create.setRangeEnd(ByteString.copyFrom(new byte[] {0}));
            default -> create.clearRangeEnd();
        }
        switch (random.nextInt(6)) {
            case 0 -> create.setStartRevision(-random.nextInt(3));
            case 1 -> create.setStartRevision(current + random.nextInt(6));
            case 2, 3 -> create.setStartRevision(Math.max(1, current - random.nextInt(30)));
            case 4 -> create.setStartRevision(Math.max(1, compacted + random.nextInt(3) - 1));
            default -> create.clearStartRevision();
        }
        if (random.nextInt(4) == 0) {
            create.setWatchId(random.nextInt(8));
        }
        if (random.nextInt(4) == 0) {
            create.addFiltersValue(random.nextInt(2));
        }
        return create;
    }

    /// What was told for each id. Headers belong to it, but for the revision of one with events: it depends on what was
    /// sent together, and has to be as high as its events.
    private static Map<Long, List<Object>> normal(WatchRecorder recorder) {
        Map<Long, List<Object>> streams = new TreeMap<>();
        for (WatchResponse response : recorder.responses()) {
            ResponseHeader header = withoutNames(response.getHeader());
            boolean progress = response.getWatchId() < 0 && !response.getCreated();
            List<Object> stream =
                    streams.computeIfAbsent(
                            progress ? PROGRESS : response.getWatchId(), k -> new ArrayList<>());
            WatchResponse bare = response.toBuilder().setHeader(header).build();
            // Whoever asks again may be answered twice.
            if (response.getEventsCount() == 0
                    && !(progress && !stream.isEmpty() && stream.getLast().equals(bare))) {
                stream.add(bare);
            }
            for (Event event : response.getEventsList()) {
                stream.add(
                        new Told(
                                event,
                                header.toBuilder().clearRevision().build(),
                                header.getRevision() >= event.getKv().getModRevision()));
            }
        }
        return streams;
    }

    /// Ids and term count only as zero or not.
    private static ResponseHeader withoutNames(ResponseHeader header) {
        return header.toBuilder()
                .setClusterId(header.getClusterId() == 0 ? 0 : 1)
                .setMemberId(header.getMemberId() == 0 ? 0 : 1)
                .setRaftTerm(header.getRaftTerm() == 0 ? 0 : 1)
                .build();
    }

    private static RequestOp put(String key, String value) {
        return RequestOp.newBuilder()
                .setRequestPut(PutRequest.newBuilder().setKey(bytes(key)).setValue(bytes(value)))
                .build();
    }

    private static RequestOp delete(String key, String end) {
        return RequestOp.newBuilder()
                .setRequestDeleteRange(
                        DeleteRangeRequest.newBuilder().setKey(bytes(key)).setRangeEnd(bytes(end)))
                .build();
    }

    private static ByteString key(Random random) {
        return bytes("k" + random.nextInt(9));
    }

    private static ByteString bytes(String text) {
        return ByteString.copyFromUtf8(text);
    }
}
