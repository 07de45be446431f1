package io.lattice.it.differential;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.HashKVRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import java.util.List;
import java.util.Random;

/// KV requests with every option, valid or not, over a small alphabet of keys.
public final class RandomRequests implements SequenceSource {
    private static final int MAX_STEPS = 30;
    private static final int MAX_DEPTH = 3;
    private static final int OPS_LIMIT = 128;
    private static final int MEMBERS = 3;

    @Override
    public List<Step> next(Random random) {
        return OracleLimits.safeSteps(random, MAX_STEPS, RandomRequests::step);
    }

    private static Step step(Random random) {
        int member = random.nextInt(MEMBERS);
        int kind = random.nextInt(100);
        if (kind < 30) {
            return new Step(Call.PUT, member, put(random));
        }
        if (kind < 55) {
            return new Step(Call.RANGE, member, range(random));
        }
        if (kind < 60) {
            return new Step(Call.RANGE_STREAM, member, streamed(random));
        }
        if (kind < 70) {
            return new Step(Call.DELETE_RANGE, member, delete(random));
        }
        if (kind < 92) {
            return new Step(Call.TXN, member, txn(random, 0));
        }
        if (kind < 93) {
            return new Step(Call.TXN, member, bulk(random));
        }
        return kind < 96
                ? new Step(Call.COMPACT, member, compact(random))
                : new Step(Call.HASH_KV, member, hash(random));
    }

    private static Message put(Random random) {
        PutRequest.Builder put =
                PutRequest.newBuilder()
                        .setKey(Alphabet.keyOrEmpty(random))
                        .setValue(Alphabet.value(random))
                        .setPrevKv(random.nextInt(3) == 0);
        int kind = random.nextInt(30);
        if (kind < 4) {
            put.setIgnoreValue(true);
            if (kind < 3) {
                put.clearValue();
            }
        } else if (kind < 7) {
            put.setIgnoreLease(true);
        } else if (kind == 7) {
            put.setIgnoreValue(true).setIgnoreLease(true).clearValue();
        }
        if (random.nextInt(40) == 0) {
            put.setLease(random.nextBoolean() ? 4242 : -1);
        }
        return put.build();
    }

    private static Message range(Random random) {
        ByteString key = Alphabet.keyOrEmpty(random);
        RangeRequest.Builder range =
                RangeRequest.newBuilder().setKey(key).setRangeEnd(Alphabet.rangeEnd(random, key));
        if (random.nextInt(3) == 0) {
            range.setLimit(random.nextInt(8) - 1);
        }
        if (random.nextInt(3) == 0) {
            range.setRevision(revision(random));
        }
        if (random.nextInt(3) == 0) {
            range.setSortOrderValue(random.nextInt(30) == 0 ? 7 : random.nextInt(3));
            range.setSortTargetValue(random.nextInt(30) == 0 ? 9 : random.nextInt(5));
        }
        range.setSerializable(random.nextInt(4) == 0);
        range.setKeysOnly(random.nextInt(6) == 0);
        range.setCountOnly(random.nextInt(8) == 0);
        if (random.nextInt(5) == 0) {
            filter(random, range);
        }
        return range.build();
    }

    private static void filter(Random random, RangeRequest.Builder range) {
        if (random.nextBoolean()) {
            range.setMinModRevision(revision(random));
        }
        if (random.nextInt(3) == 0) {
            range.setMaxModRevision(revision(random));
        }
        if (random.nextInt(3) == 0) {
            range.setMinCreateRevision(revision(random));
        }
        if (random.nextInt(3) == 0) {
            range.setMaxCreateRevision(revision(random));
        }
    }

    private static Message streamed(Random random) {
        RangeRequest.Builder range = ((RangeRequest) range(random)).toBuilder();
        if (random.nextInt(5) != 0) {
            range.clearSortOrder().clearSortTarget();
            range.clearMinModRevision().clearMaxModRevision();
            range.clearMinCreateRevision().clearMaxCreateRevision();
        }
        if (range.getSortOrder() == RangeRequest.SortOrder.NONE) {
            // etcd 3.7.3 sorts each chunk and goes on after its last key: it skips keys and repeats
            // others.
            range.clearSortTarget();
        }
        if (random.nextInt(3) == 0) {
            range.setKey(Alphabet.text("m/")).setRangeEnd(Alphabet.text("m0"));
            range.setLimit(random.nextInt(40));
        }
        return range.build();
    }

    private static Message delete(Random random) {
        ByteString key = Alphabet.keyOrEmpty(random);
        // Ranges that empty the store are kept rare, so that there is something to delete.
        ByteString end = random.nextInt(3) == 0 ? Alphabet.rangeEnd(random, key) : ByteString.EMPTY;
        return DeleteRangeRequest.newBuilder()
                .setKey(key)
                .setRangeEnd(end)
                .setPrevKv(random.nextInt(3) == 0)
                .build();
    }

    private static Message compact(Random random) {
        return CompactionRequest.newBuilder()
                .setRevision(
                        random.nextInt(4) == 0
                                ? revision(random)
                                : SymbolicRevisions.current(-random.nextInt(12)))
                .setPhysical(random.nextInt(10) == 0)
                .build();
    }

    private static Message hash(Random random) {
        return HashKVRequest.newBuilder()
                .setRevision(random.nextInt(3) == 0 ? 0 : revision(random))
                .build();
    }

    /// Any revision: mostly one that can be read, at times one beside or far off the edges.
    private static long revision(Random random) {
        return switch (random.nextInt(16)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> 1;
            case 3 -> SymbolicRevisions.compacted(-1);
            case 4, 5 -> SymbolicRevisions.compacted(0);
            case 6, 7 -> SymbolicRevisions.compacted(1 + random.nextInt(6));
            case 8 -> SymbolicRevisions.current(1 + random.nextInt(3));
            case 9, 10 -> SymbolicRevisions.current(0);
            case 11 -> random.nextInt(6) == 0 ? Long.MAX_VALUE : SymbolicRevisions.current(-1);
            default -> SymbolicRevisions.current(-1 - random.nextInt(20));
        };
    }

    private static TxnRequest txn(Random random, int depth) {
        TxnRequest.Builder txn = TxnRequest.newBuilder();
        for (int i = random.nextInt(3); i > 0; i--) {
            txn.addCompare(compare(random));
        }
        for (int i = random.nextInt(4); i > 0; i--) {
            txn.addSuccess(op(random, depth));
        }
        for (int i = random.nextInt(3); i > 0; i--) {
            txn.addFailure(op(random, depth));
        }
        return txn.build();
    }

    private static RequestOp op(Random random, int depth) {
        RequestOp.Builder op = RequestOp.newBuilder();
        int kind = random.nextInt(60);
        if (kind == 0) {
            return op.build();
        }
        if (kind < 20) {
            return op.setRequestRange((RangeRequest) range(random)).build();
        }
        if (kind < 40) {
            return op.setRequestPut((PutRequest) put(random)).build();
        }
        return kind < 50 || depth + 1 >= MAX_DEPTH
                ? op.setRequestDeleteRange((DeleteRangeRequest) delete(random)).build()
                : op.setRequestTxn(txn(random, depth + 1)).build();
    }

    private static Compare compare(Random random) {
        ByteString key = Alphabet.keyOrEmpty(random);
        Compare.Builder compare =
                Compare.newBuilder()
                        .setKey(key)
                        .setResultValue(random.nextInt(60) == 0 ? 8 : random.nextInt(4));
        if (random.nextInt(4) == 0) {
            compare.setRangeEnd(Alphabet.rangeEnd(random, key));
        }
        int target = random.nextInt(5);
        compare.setTargetValue(random.nextInt(60) == 0 ? 8 : target);
        // The operand's type is the target's, save for a few that contradict it or are missing.
        switch (random.nextInt(30) == 0 ? random.nextInt(6) : target) {
            case 0 -> compare.setVersion(random.nextInt(4));
            case 1 -> compare.setCreateRevision(revisionOrZero(random));
            case 2 -> compare.setModRevision(revisionOrZero(random));
            case 3 -> compare.setValue(Alphabet.value(random));
            case 4 -> compare.setLease(random.nextInt(2));
            default -> compare.clearTargetUnion();
        }
        return compare.build();
    }

    private static long revisionOrZero(Random random) {
        return random.nextInt(3) == 0 ? 0 : SymbolicRevisions.current(-random.nextInt(8));
    }

    /// Many puts at once: fills the family of keys that a stream needs, or goes beyond the limit of ops.
    private static Message bulk(Random random) {
        TxnRequest.Builder txn = TxnRequest.newBuilder();
        int ops = random.nextInt(6) == 0 ? OPS_LIMIT + random.nextInt(2) : 40;
        for (int i = 0; i < ops; i++) {
            txn.addSuccess(
                    RequestOp.newBuilder()
                            .setRequestPut(
                                    PutRequest.newBuilder()
                                            .setKey(Alphabet.many(i))
                                            .setValue(Alphabet.value(random))));
        }
        return txn.build();
    }
}
