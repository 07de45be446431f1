package io.lattice.it.differential;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.HashKVRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/// Keeps from the real etcd what is known to break version 3.7.3, and what it answers by chance.
///
/// - A put with `ignore_value` or `ignore_lease` in a txn that also deletes from a key on (`range_end`
///   "\0") panics while it is applied if the delete removed the put's key.
/// - After a txn with such a delete and a put, a compaction exactly at its revision loses the key, and
///   the next read kills the server; a hash at exactly its revision looks at the wrong generation of the key.
/// - HashKV at exactly a revision that was compacted is answered from a store of ten hashes made while
///   compacting, with the compact revision of before, as soon as the compaction's background work is done.
final class OracleLimits {
    private static final ByteString FROM_KEY = ByteString.copyFrom(new byte[] {0});

    private final Set<Long> deletedFromKey = new HashSet<>();
    private final Set<Long> compactedAt = new HashSet<>();

    /// Five or more steps, fewer than `max`, without those that may not be sent.
    static List<Step> safeSteps(Random random, int max, Function<Random, Step> source) {
        int count = 5 + random.nextInt(max - 5);
        List<Step> steps = new ArrayList<>();
        while (steps.size() < count) {
            Step step = source.apply(random);
            if (isSafe(step.request())) {
                steps.add(step);
            }
        }
        return steps;
    }

    /// Whether the request may be sent at all.
    static boolean isSafe(Message request) {
        return !(request instanceof TxnRequest txn) || !(deletesFromKey(txn) && putsIgnoring(txn));
    }

    /// The request itself, or the nearest one that may be sent while the store is at revision `current`.
    Message adjust(Message request, long current) {
        if (request instanceof CompactionRequest compaction) {
            long revision = compaction.getRevision();
            while (deletedFromKey.contains(revision)) {
                revision--;
            }
            return compaction.toBuilder().setRevision(revision).build();
        }
        if (request instanceof HashKVRequest hash) {
            long revision = hash.getRevision();
            if (revision == 0 && deletedFromKey.contains(current)) {
                revision = current;
            }
            while (deletedFromKey.contains(revision) || compactedAt.contains(revision)) {
                revision++;
            }
            return hash.toBuilder().setRevision(revision).build();
        }
        return request;
    }

    /// Takes note of a request that was carried out and made `revision`.
    void applied(Message request, long revision) {
        if (request instanceof TxnRequest txn && deletesFromKey(txn)) {
            deletedFromKey.add(revision);
        }
    }

    /// Takes note of a compaction that was carried out.
    void compacted(long revision) {
        compactedAt.add(revision);
    }

    private static boolean deletesFromKey(TxnRequest txn) {
        return anyOp(
                txn, op -> op.hasRequestDeleteRange() && isFromKey(op.getRequestDeleteRange()));
    }

    private static boolean isFromKey(DeleteRangeRequest delete) {
        return delete.getRangeEnd().equals(FROM_KEY);
    }

    private static boolean putsIgnoring(TxnRequest txn) {
        return anyOp(
                txn,
                op ->
                        op.hasRequestPut()
                                && (op.getRequestPut().getIgnoreValue()
                                        || op.getRequestPut().getIgnoreLease()));
    }

    private static boolean anyOp(TxnRequest txn, Predicate<RequestOp> test) {
        for (List<RequestOp> branch : List.of(txn.getSuccessList(), txn.getFailureList())) {
            for (RequestOp op : branch) {
                if (test.test(op) || (op.hasRequestTxn() && anyOp(op.getRequestTxn(), test))) {
                    return true;
                }
            }
        }
        return false;
    }
}
