package io.lattice.it.differential;

import com.google.protobuf.ByteString;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// The requests that a Kubernetes API server sends: get, list by pages at one revision, create, update,
/// delete (each guarded by the key's revision, right or stale) and the compaction with its own key.
public final class KubernetesRequests implements SequenceSource {
    private static final int OBJECTS = 30;
    private static final int STEPS = 20;
    private static final int MEMBERS = 3;
    private static final String[] PREFIXES = {
        "/registry/pods/default/", "/registry/pods/kube-system/", "/registry/leases/"
    };
    private static final ByteString COMPACT_KEY = ByteString.copyFromUtf8("compact_rev_key");
    private static final ByteString ZERO = ByteString.copyFrom(new byte[] {0});

    @Override
    public List<Step> next(Random random) {
        List<Step> steps = new ArrayList<>();
        while (steps.size() < STEPS) {
            int member = random.nextInt(MEMBERS);
            switch (random.nextInt(12)) {
                case 0, 1, 2 -> steps.add(new Step(Call.TXN, member, create(random)));
                case 3, 4, 5 -> steps.add(new Step(Call.TXN, member, update(random)));
                case 6 -> steps.add(new Step(Call.TXN, member, delete(random)));
                case 7, 8 -> steps.add(new Step(Call.RANGE, member, get(random)));
                case 9 -> steps.addAll(compaction(random, member));
                case 10 -> steps.add(new Step(Call.RANGE, member, count(random)));
                default -> steps.addAll(list(random));
            }
        }
        return steps;
    }

    private static ByteString object(Random random) {
        return ByteString.copyFromUtf8(prefix(random) + "object-" + random.nextInt(OBJECTS));
    }

    private static String prefix(Random random) {
        return PREFIXES[random.nextInt(PREFIXES.length)];
    }

    private static ByteString body(Random random) {
        byte[] body = new byte[64 + random.nextInt(1_500)];
        random.nextBytes(body);
        return ByteString.copyFrom(body);
    }

    private static RangeRequest get(Random random) {
        return RangeRequest.newBuilder()
                .setKey(object(random))
                .setLimit(1)
                .setSerializable(random.nextInt(4) == 0)
                .build();
    }

    private static RangeRequest count(Random random) {
        String prefix = prefix(random);
        return RangeRequest.newBuilder()
                .setKey(ByteString.copyFromUtf8(prefix))
                .setRangeEnd(Alphabet.prefixEnd(ByteString.copyFromUtf8(prefix)))
                .setCountOnly(true)
                .build();
    }

    private static Compare unmodifiedSince(ByteString key, long revision) {
        return Compare.newBuilder()
                .setKey(key)
                .setTarget(Compare.CompareTarget.MOD)
                .setResult(Compare.CompareResult.EQUAL)
                .setModRevision(revision)
                .build();
    }

    private static RequestOp put(ByteString key, Random random) {
        return RequestOp.newBuilder()
                .setRequestPut(PutRequest.newBuilder().setKey(key).setValue(body(random)))
                .build();
    }

    private static RequestOp getOp(ByteString key) {
        return RequestOp.newBuilder()
                .setRequestRange(RangeRequest.newBuilder().setKey(key))
                .build();
    }

    private static TxnRequest create(Random random) {
        ByteString key = object(random);
        return TxnRequest.newBuilder()
                .addCompare(unmodifiedSince(key, 0))
                .addSuccess(put(key, random))
                .build();
    }

    private static TxnRequest update(Random random) {
        ByteString key = object(random);
        return TxnRequest.newBuilder()
                .addCompare(unmodifiedSince(key, recent(random)))
                .addSuccess(put(key, random))
                .addFailure(getOp(key))
                .build();
    }

    private static TxnRequest delete(Random random) {
        ByteString key = object(random);
        return TxnRequest.newBuilder()
                .addCompare(unmodifiedSince(key, recent(random)))
                .addSuccess(
                        RequestOp.newBuilder()
                                .setRequestDeleteRange(DeleteRangeRequest.newBuilder().setKey(key)))
                .addFailure(getOp(key))
                .build();
    }

    private static long recent(Random random) {
        return SymbolicRevisions.current(-(long) random.nextInt(OBJECTS));
    }

    /// A list in pages: each continues after a key of the page before, all at one revision.
    private static List<Step> list(Random random) {
        ByteString prefix = ByteString.copyFromUtf8(prefix(random));
        ByteString end = Alphabet.prefixEnd(prefix);
        int limit = 1 + random.nextInt(8);
        // The first page reads the present; the others pin the revision that it told.
        RangeRequest.Builder page =
                RangeRequest.newBuilder().setKey(prefix).setRangeEnd(end).setLimit(limit);
        List<Step> steps = new ArrayList<>();
        steps.add(new Step(Call.RANGE, random.nextInt(MEMBERS), page.build()));
        page.setRevision(SymbolicRevisions.current(0));
        for (int i = random.nextInt(4); i > 0; i--) {
            ByteString last =
                    prefix.concat(ByteString.copyFromUtf8("object-" + random.nextInt(OBJECTS)));
            page.setKey(last.concat(ZERO));
            steps.add(new Step(Call.RANGE, random.nextInt(MEMBERS), page.build()));
        }
        steps.add(
                new Step(
                        Call.RANGE_STREAM,
                        random.nextInt(MEMBERS),
                        page.setKey(prefix).setLimit(0).build()));
        return steps;
    }

    private static List<Step> compaction(Random random, int member) {
        TxnRequest claim =
                TxnRequest.newBuilder()
                        .addCompare(
                                Compare.newBuilder()
                                        .setKey(COMPACT_KEY)
                                        .setTarget(Compare.CompareTarget.VERSION)
                                        .setVersion(random.nextInt(4)))
                        .addSuccess(put(COMPACT_KEY, random))
                        .addFailure(getOp(COMPACT_KEY))
                        .build();
        CompactionRequest compact =
                CompactionRequest.newBuilder()
                        .setRevision(SymbolicRevisions.current(-random.nextInt(40)))
                        .build();
        return List.of(new Step(Call.TXN, member, claim), new Step(Call.COMPACT, member, compact));
    }
}
