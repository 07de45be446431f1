package io.lattice.it.differential;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import io.grpc.Status;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.HashKVRequest;
import io.lattice.proto.etcdserverpb.LeaseKeepAliveRequest;
import io.lattice.proto.etcdserverpb.LeaseLeasesRequest;
import io.lattice.proto.etcdserverpb.LeaseRevokeRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.proto.etcdserverpb.TxnRequest;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Plays sequences on two stores, one request at a time on both, and compares. The stores live on from
/// one sequence to the next, with equal revisions, until they diverge; [#level()] makes them equal again
/// without starting anything anew. Owned by one thread.
final class Lockstep {
    private static final ByteString ANY_KEY = ByteString.copyFromUtf8("level");
    private static final ByteString ALL = ByteString.copyFrom(new byte[] {0});
    private static final long MAX_CATCH_UP_PUTS = 20_000;

    private final Store oracle;
    private final Store subject;
    private final Coverage coverage;
    private final OracleLimits limits = new OracleLimits();
    private long current;
    private long compacted;

    Lockstep(Store oracle, Store subject, Coverage coverage) {
        this.oracle = oracle;
        this.subject = subject;
        this.coverage = coverage;
    }

    /// Empties both stores, brings them to the same revision and compacts them there, so that nothing of
    /// what was played before shows any more.
    ///
    /// @throws StoreBrokenException if a store doesn't do what that takes
    void level() {
        revokeLeases(oracle);
        revokeLeases(subject);
        put(oracle);
        put(subject);
        long left = clear(oracle);
        long right = clear(subject);
        if (Math.abs(left - right) > MAX_CATCH_UP_PUTS) {
            throw new StoreBrokenException("revisions are %d and %d".formatted(left, right));
        }
        // Each pass makes two revisions in both stores, so at the end both are cleared at the same
        // one.
        while (left != right) {
            Store behind = left < right ? oracle : subject;
            for (long missing = Math.abs(left - right); missing > 0; missing--) {
                put(behind);
            }
            put(oracle);
            put(subject);
            left = clear(oracle);
            right = clear(subject);
        }
        compact(oracle, left);
        compact(subject, right);
        current = left;
        compacted = left;
        limits.compacted(left);
    }

    private static void revokeLeases(Store store) {
        for (long id : LeaseRequests.IDS) {
            // Most don't exist.
            var _ =
                    store.send(
                                    0,
                                    Call.LEASE_REVOKE,
                                    LeaseRevokeRequest.newBuilder().setID(id).build())
                            .join();
        }
    }

    private void put(Store store) {
        require(store, Call.PUT, PutRequest.newBuilder().setKey(ANY_KEY).build());
    }

    private long clear(Store store) {
        Message reply =
                require(
                        store,
                        Call.DELETE_RANGE,
                        DeleteRangeRequest.newBuilder().setKey(ALL).setRangeEnd(ALL).build());
        return revision(reply);
    }

    private void compact(Store store, long revision) {
        require(store, Call.COMPACT, CompactionRequest.newBuilder().setRevision(revision).build());
    }

    private static Message require(Store store, Call call, Message request) {
        Reply reply = store.send(0, call, request).join();
        if (!reply.isOk()) {
            throw new StoreBrokenException(
                    "%s answered %s to %s".formatted(store.name(), reply, call.title()));
        }
        return reply.single();
    }

    /// Plays the whole sequence, or up to the first difference; then asks both for their hash.
    ///
    /// @return null if both stores gave equal answers throughout
    /// @throws StoreBrokenException if the oracle itself failed
    @Nullable Divergence play(List<Step> steps) {
        for (int i = 0; i < steps.size(); i++) {
            Divergence found = play(i, steps.get(i));
            if (found != null) {
                return found;
            }
        }
        for (int member = 0; member < subject.members(); member++) {
            Step hash = new Step(Call.HASH_KV, member, HashKVRequest.getDefaultInstance());
            Divergence found = play(steps.size(), hash);
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    private @Nullable Divergence play(int index, Step step) {
        Message request =
                limits.adjust(
                        SymbolicRevisions.resolve(step.request(), current, compacted), current);
        int member = step.member() % subject.members();
        if (subject.members() > 1 && isLocal(request)) {
            // A local answer is only comparable once the member has applied what the oracle has.
            Reply fence =
                    subject.send(
                                    member,
                                    Call.RANGE,
                                    RangeRequest.newBuilder().setKey(ANY_KEY).build())
                            .join();
            if (!fence.isOk()) {
                throw new StoreBrokenException(subject.name() + " answered " + fence);
            }
        }
        CompletableFuture<Reply> right = subject.send(member, step.call(), request);
        Reply expected = oracle.send(0, step.call(), request).join();
        Reply actual = right.join();
        if (expected.code() == Status.Code.UNAVAILABLE
                || expected.code() == Status.Code.DEADLINE_EXCEEDED) {
            throw new StoreBrokenException(
                    "%s answered %s to %s".formatted(oracle.name(), expected, step));
        }
        coverage.count(step.call(), expected);
        note(request, expected);
        String difference = ReplyComparison.difference(request, expected, actual);
        return difference == null
                ? null
                : new Divergence(index, step, request, expected, actual, difference);
    }

    private void note(Message request, Reply reply) {
        if (!reply.isOk() || reply.messages().isEmpty()) {
            return;
        }
        Message last = reply.messages().get(reply.messages().size() - 1);
        long revision = revision(last);
        if (revision > current) {
            limits.applied(request, revision);
            current = revision;
        }
        if (request instanceof CompactionRequest compaction) {
            compacted = Math.max(compacted, compaction.getRevision());
            limits.compacted(compaction.getRevision());
        }
    }

    private static long revision(Message message) {
        if (message instanceof RangeResponse || !hasHeader(message)) {
            return 0;
        }
        Object header = message.getField(message.getDescriptorForType().findFieldByName("header"));
        return header instanceof ResponseHeader found ? found.getRevision() : 0;
    }

    private static boolean hasHeader(Message message) {
        return message.getDescriptorForType().findFieldByName("header") != null;
    }

    private static boolean isLocal(Message request) {
        return switch (request) {
            case HashKVRequest ignored -> true;
            // The answer's header is taken before the renewal.
            case LeaseKeepAliveRequest ignored -> true;
            case LeaseLeasesRequest ignored -> true;
            case RangeRequest range -> range.getSerializable();
            case TxnRequest txn -> isReadOnly(txn) || hasSerializable(txn);
            default -> false;
        };
    }

    /// A txn that only reads needs no round of the cluster if each of its ranges is serializable, so also
    /// if there is none.
    private static boolean isReadOnly(TxnRequest txn) {
        return ops(txn).allMatch(op -> op.hasRequestRange());
    }

    private static boolean hasSerializable(TxnRequest txn) {
        return ops(txn).anyMatch(op ->
                (op.hasRequestRange() && op.getRequestRange().getSerializable())
                        || (op.hasRequestTxn() && hasSerializable(op.getRequestTxn())));
    }

    private static Stream<RequestOp> ops(TxnRequest txn) {
        return Stream.concat(txn.getSuccessList().stream(), txn.getFailureList().stream());
    }

    /// A store failed outside of what is compared.
    static final class StoreBrokenException extends RuntimeException {
        private static final long serialVersionUID = 1;

        StoreBrokenException(String message) {
            super(message);
        }
    }
}
