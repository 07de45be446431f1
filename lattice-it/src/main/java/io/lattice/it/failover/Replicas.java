package io.lattice.it.failover;

import com.google.protobuf.ByteString;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.NodeClient;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.failover.Violation.Kind;
import io.lattice.proto.etcdserverpb.HashKVResponse;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.mvccpb.KeyValue;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// What the three nodes hold of one tenant after a round, read through our own stubs.
final class Replicas {
    private static final ByteString ALL = ByteString.copyFrom(new byte[] {0});
    private static final long READ_SECONDS = 60;
    private static final Duration READY_LIMIT = Duration.ofSeconds(60);

    private final TestCluster cluster;
    private final Tenant tenant;

    Replicas(TestCluster cluster, Tenant tenant) {
        this.cluster = cluster;
        this.tenant = tenant;
    }

    /// The content at one revision, the same on every node, and what was wrong with that.
    record Content(long revision, Map<String, Ledger.Entry> entries, List<Violation> violations) {}

    /// The store's current revision, read linearizably.
    long revision() {
        return revision(0);
    }

    /// As that node answers. A cluster that is ready is so for the default tenant: another one's group may just be electing
    /// its leader, or handing over.
    private long revision(int index) {
        long[] revision = {0};
        Await.until(
                "%s answers a linearizable read of tenant %s"
                        .formatted(cluster.node(index).name(), tenant.title()),
                READY_LIMIT,
                () -> {
                    revision[0] = client(index).linearizableProbe().getHeader().getRevision();
                    return true;
                },
                cluster::logTails);
        return revision[0];
    }

    /// Reads everything from every node at one revision. All nodes have to be up.
    Content read() {
        long revision = 0;
        for (int i = 0; i < cluster.size(); i++) {
            revision = Math.max(revision, revision(i));
        }
        for (int i = 0; i < cluster.size(); i++) {
            // A node that has not applied the revision yet would answer that it is in the future;
            // after this read it has.
            var _ = revision(i);
        }
        List<Violation> violations = new ArrayList<>();
        List<KeyValue> first = range(0, revision);
        HashKVResponse firstHash = client(0).hashKv(revision);
        for (int i = 1; i < cluster.size(); i++) {
            compare(i, first, firstHash, revision, violations);
        }
        Map<String, Ledger.Entry> entries = new HashMap<>();
        for (KeyValue kv : first) {
            entries.put(
                    kv.getKey().toStringUtf8(),
                    new Ledger.Entry(
                            number(kv.getValue().toStringUtf8()),
                            kv.getCreateRevision(),
                            kv.getModRevision(),
                            kv.getVersion()));
        }
        return new Content(revision, entries, violations);
    }

    private void compare(
            int index,
            List<KeyValue> first,
            HashKVResponse firstHash,
            long revision,
            List<Violation> violations) {
        String names = "n1 and %s at revision %d".formatted(cluster.node(index).name(), revision);
        List<KeyValue> other = range(index, revision);
        if (!first.equals(other)) {
            List<KeyValue> onlyFirst = new ArrayList<>(first);
            onlyFirst.removeAll(other);
            List<KeyValue> onlyOther = new ArrayList<>(other);
            onlyOther.removeAll(first);
            violations.add(
                    new Violation(
                            Kind.DIVERGED,
                            names + " hold different keys",
                            List.of(
                                    "only on n1: " + onlyFirst,
                                    "only on the other: " + onlyOther)));
        }
        HashKVResponse hash = client(index).hashKv(revision);
        if (hash.getHash() != firstHash.getHash()
                || hash.getCompactRevision() != firstHash.getCompactRevision()) {
            violations.add(
                    new Violation(
                            Kind.DIVERGED,
                            names + " have different hashes",
                            List.of(firstHash.toString(), hash.toString())));
        }
    }

    private List<KeyValue> range(int index, long revision) {
        return client(index)
                .kv(READ_SECONDS)
                .range(
                        RangeRequest.newBuilder()
                                .setKey(ALL)
                                .setRangeEnd(ALL)
                                .setRevision(revision)
                                .setSerializable(true)
                                .build())
                .getKvsList();
    }

    /// Looks each write up in the store's history, at the revision of its acknowledgement.
    List<Violation> lookUp(List<Write> writes) {
        List<Violation> found = new ArrayList<>();
        int node = 0;
        for (Write write : writes) {
            node = (node + 1) % cluster.size();
            RangeResponse response =
                    client(node)
                            .kv(READ_SECONDS)
                            .range(
                                    RangeRequest.newBuilder()
                                            .setKey(ByteString.copyFromUtf8(write.key()))
                                            .setRevision(write.revision())
                                            .setSerializable(true)
                                            .build());
            boolean same =
                    response.getKvsCount() == 1
                            && response.getKvs(0).getModRevision() == write.revision()
                            && number(response.getKvs(0).getValue().toStringUtf8())
                                    == write.number();
            if (!same) {
                found.add(
                        new Violation(
                                Kind.LOST,
                                "the history of %s shows another write"
                                        .formatted(cluster.node(node).name()),
                                List.of(write.toString(), response.toString())));
            }
        }
        return found;
    }

    private NodeClient client(int index) {
        return tenant.client(cluster, index);
    }

    private static long number(String value) {
        return value.isEmpty() ? 0 : Long.parseLong(value);
    }
}
