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
    private static final Duration LIMIT = Duration.ofSeconds(15);

    private TestCluster etcd;
    private TestCluster lattice;
    private long current;
    private long compacted;
    private int settled;

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
    }

    /// Plays one sequence on a stream of its own and returns how many events were compared.
    private int play(Random random, int member, long seed) {
        List<String> steps = new ArrayList<>();
        try (WatchRecorder left = WatchRecorder.open(etcd.client(0).channel());
                WatchRecorder right = WatchRecorder.open(lattice.client(member).channel())) {
            for (int i = 0; i < STEPS; i++) {
                steps.add(step(random, left, right));
                fence();
                Await.until(
                        "etcd and Lattice have told the same",
                        LIMIT,
                        () -> normal(left).equals(normal(right)),
                        () ->
                                "seed %d%n%s%netcd    %s%nLattice %s"
                                        .formatted(
                                                seed,
                                                String.join("\n", steps),
                                                normal(left),
                                                normal(right)));
            }
            return left.responses().stream().mapToInt(WatchResponse::getEventsCount).sum();
        }
    }

    private String step(Random random, WatchRecorder left, WatchRecorder right) {
        switch (random.nextInt(13)) {
            case 0, 1, 2 -> {
                WatchCreateRequest.Builder create = create(random);
                int before = left.responses().size();
                left.create(create);
                right.create(create);
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
        left.create(create);
        right.create(create);
        left.await("an event for the last watcher", r -> !r.events(id).isEmpty());
        right.await("an event for the last watcher", r -> !r.events(id).isEmpty());
        left.cancel(id);
        right.cancel(id);
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

    private static Map<Long, List<Object>> normal(WatchRecorder recorder) {
        Map<Long, List<Object>> streams = new TreeMap<>();
        for (WatchResponse response : recorder.responses()) {
            List<Object> stream =
                    streams.computeIfAbsent(response.getWatchId(), k -> new ArrayList<>());
            if (response.getEventsCount() == 0) {
                stream.add(
                        response.toBuilder()
                                .setHeader(
                                        response.getHeader().toBuilder()
                                                .clearClusterId()
                                                .clearMemberId()
                                                .clearRaftTerm())
                                .build());
            }
            for (Event event : response.getEventsList()) {
                stream.add(event);
            }
        }
        return streams;
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
