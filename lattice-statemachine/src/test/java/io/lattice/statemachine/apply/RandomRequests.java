package io.lattice.statemachine.apply;

import com.google.protobuf.ByteString;
import io.lattice.proto.command.Command;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.Compare.CompareResult;
import io.lattice.proto.etcdserverpb.Compare.CompareTarget;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeRequest.SortOrder;
import io.lattice.proto.etcdserverpb.RangeRequest.SortTarget;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import java.util.List;
import java.util.Random;

/// Random but mostly sensible requests over a handful of awkward keys: prefixes of each other, zero bytes, high bytes.
final class RandomRequests {
    private static final List<ByteString> KEYS =
            List.of(
                    bytes('a'),
                    bytes('a', 0),
                    bytes('a', 0, 0),
                    bytes('a', 0, 0xFF),
                    bytes('a', 0, 1),
                    bytes('a', 1),
                    bytes('a', 'b'),
                    bytes('a', 0xFF),
                    bytes('b'),
                    bytes('b', 'b'),
                    bytes(0),
                    bytes(0, 0),
                    bytes(0xFF),
                    bytes(0xFF, 0xFF),
                    bytes('z', 0, 'z'));
    private static final ByteString TO_THE_END = bytes(0);

    private final Random random;

    RandomRequests(Random random) {
        this.random = random;
    }

    /// A command for a keyspace that is at `revision`.
    Command command(int keyspace, long revision) {
        Command.Builder command = Command.newBuilder().setKeyspace(keyspace);
        int kind = random.nextInt(100);
        if (kind < 45) {
            command.setPut(put());
        } else if (kind < 60) {
            command.setDeleteRange(delete());
        } else if (kind < 95) {
            command.setTxn(txn(revision));
        } else {
            command.setCompact(
                    CompactionRequest.newBuilder().setRevision(around(revision, 20)).build());
        }
        return command.build();
    }

    PutRequest put() {
        PutRequest.Builder put = PutRequest.newBuilder().setKey(key()).setPrevKv(oneIn(3));
        if (oneIn(6)) {
            put.setIgnoreValue(true);
        } else {
            put.setValue(value());
        }
        if (oneIn(10)) {
            put.setIgnoreLease(true);
        } else if (oneIn(30)) {
            put.setLease(random.nextLong());
        }
        return put.build();
    }

    DeleteRangeRequest delete() {
        return DeleteRangeRequest.newBuilder()
                .setKey(key())
                .setRangeEnd(rangeEnd(2))
                .setPrevKv(oneIn(2))
                .build();
    }

    RangeRequest range(long revision) {
        RangeRequest.Builder range =
                RangeRequest.newBuilder()
                        .setKey(key())
                        .setRangeEnd(rangeEnd(5))
                        .setKeysOnly(oneIn(5))
                        .setCountOnly(oneIn(8));
        if (oneIn(2)) {
            range.setRevision(around(revision, 30));
        }
        if (oneIn(2)) {
            range.setLimit(random.nextInt(8) - 1);
        }
        if (oneIn(3)) {
            range.setSortOrder(SortOrder.forNumber(random.nextInt(3)));
            range.setSortTarget(SortTarget.forNumber(random.nextInt(5)));
        }
        if (oneIn(5)) {
            range.setMinModRevision(around(revision, 20));
        }
        if (oneIn(5)) {
            range.setMaxModRevision(around(revision, 20));
        }
        if (oneIn(8)) {
            range.setMinCreateRevision(around(revision, 20));
        }
        if (oneIn(8)) {
            range.setMaxCreateRevision(around(revision, 20));
        }
        return range.build();
    }

    /// A transaction that passes the static checks.
    TxnRequest txn(long revision) {
        TxnRequest txn = txn(revision, 2);
        while (RequestChecks.check(txn, 128) != null) {
            txn = txn(revision, 2);
        }
        return txn;
    }

    TxnRequest readOnlyTxn(long revision) {
        TxnRequest.Builder txn = TxnRequest.newBuilder().addCompare(compare(revision));
        for (int i = random.nextInt(3); i >= 0; i--) {
            txn.addSuccess(RequestOp.newBuilder().setRequestRange(range(revision)));
            txn.addFailure(RequestOp.newBuilder().setRequestRange(range(revision)));
        }
        return txn.build();
    }

    private TxnRequest txn(long revision, int depth) {
        TxnRequest.Builder txn = TxnRequest.newBuilder();
        for (int i = random.nextInt(3); i > 0; i--) {
            txn.addCompare(compare(revision));
        }
        for (int i = random.nextInt(4); i > 0; i--) {
            txn.addSuccess(operation(revision, depth));
        }
        for (int i = random.nextInt(4); i > 0; i--) {
            txn.addFailure(operation(revision, depth));
        }
        return txn.build();
    }

    private RequestOp operation(long revision, int depth) {
        RequestOp.Builder operation = RequestOp.newBuilder();
        switch (random.nextInt(depth > 0 ? 8 : 7)) {
            case 0, 1, 2 -> operation.setRequestPut(put());
            case 3, 4 -> operation.setRequestDeleteRange(delete());
            case 5, 6 -> operation.setRequestRange(range(revision));
            default -> operation.setRequestTxn(txn(revision, depth - 1));
        }
        return operation.build();
    }

    private Compare compare(long revision) {
        Compare.Builder compare =
                Compare.newBuilder()
                        .setKey(key())
                        .setRangeEnd(rangeEnd(1))
                        .setResult(CompareResult.forNumber(random.nextInt(4)))
                        .setTarget(CompareTarget.forNumber(random.nextInt(5)));
        switch (compare.getTarget()) {
            case VALUE -> compare.setValue(value());
            case VERSION -> compare.setVersion(random.nextInt(4));
            case CREATE -> compare.setCreateRevision(around(revision, 10));
            case MOD -> compare.setModRevision(around(revision, 10));
            case LEASE -> compare.setLease(random.nextInt(2));
            case UNRECOGNIZED -> throw new IllegalStateException();
        }
        return compare.build();
    }

    private ByteString key() {
        return KEYS.get(random.nextInt(KEYS.size()));
    }

    /// Out of ten a share of `ranges` names a range.
    private ByteString rangeEnd(int ranges) {
        if (random.nextInt(10) >= ranges) {
            return ByteString.EMPTY;
        }
        return oneIn(4) ? TO_THE_END : key();
    }

    private ByteString value() {
        return ByteString.copyFromUtf8("v".repeat(random.nextInt(3)) + random.nextInt(5));
    }

    /// Mostly a revision in the recent past, at times a little ahead, zero or negative.
    private long around(long revision, int spread) {
        return switch (random.nextInt(12)) {
            case 0 -> revision + 1 + random.nextInt(2);
            case 1 -> -1 - random.nextInt(3);
            case 2 -> 0;
            default -> Math.max(0, revision - random.nextInt(spread));
        };
    }

    private boolean oneIn(int n) {
        return random.nextInt(n) == 0;
    }

    private static ByteString bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return ByteString.copyFrom(bytes);
    }
}
