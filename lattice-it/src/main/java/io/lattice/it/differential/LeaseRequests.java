package io.lattice.it.differential;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.LeaseKeepAliveRequest;
import io.lattice.proto.etcdserverpb.LeaseLeasesRequest;
import io.lattice.proto.etcdserverpb.LeaseRevokeRequest;
import io.lattice.proto.etcdserverpb.LeaseTimeToLiveRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import java.util.List;
import java.util.Random;

/// Lease requests mixed with KV requests that use the leases, few of both, so that they meet. No lease ends by itself: all
/// TTLs are long. TTLs of zero or less are left out: etcd raises them to its minimum, Lattice grants the tenant's default.
public final class LeaseRequests implements SequenceSource {
    /// The ids in use.
    static final List<Long> IDS = List.of(1L, 2L, 3L, -1L, 0x7fff_ffff_ffff_ffffL);

    private static final int MAX_STEPS = 40;
    private static final int MEMBERS = 3;
    private static final long TTL_SECONDS_MIN = 600;
    private static final long TTL_SECONDS_TOO_LARGE = 9_000_000_001L;

    @Override
    public List<Step> next(Random random) {
        return OracleLimits.safeSteps(random, MAX_STEPS, LeaseRequests::step);
    }

    private static Step step(Random random) {
        int member = random.nextInt(MEMBERS);
        int kind = random.nextInt(100);
        if (kind < 18) {
            return new Step(Call.LEASE_GRANT, member, grant(random));
        }
        if (kind < 26) {
            return new Step(
                    Call.LEASE_REVOKE,
                    member,
                    LeaseRevokeRequest.newBuilder().setID(idOrZero(random)).build());
        }
        if (kind < 34) {
            return new Step(
                    Call.LEASE_KEEP_ALIVE,
                    member,
                    LeaseKeepAliveRequest.newBuilder().setID(idOrZero(random)).build());
        }
        if (kind < 48) {
            Message request =
                    LeaseTimeToLiveRequest.newBuilder()
                            .setID(idOrZero(random))
                            .setKeys(random.nextInt(4) != 0)
                            .build();
            return new Step(Call.LEASE_TIME_TO_LIVE, member, request);
        }
        if (kind < 52) {
            return new Step(Call.LEASE_LEASES, member, LeaseLeasesRequest.getDefaultInstance());
        }
        if (kind < 75) {
            return new Step(Call.PUT, member, put(random));
        }
        if (kind < 82) {
            return new Step(Call.DELETE_RANGE, member, delete(random));
        }
        return kind < 92
                ? new Step(Call.TXN, member, txn(random))
                : new Step(Call.RANGE, member, range(random));
    }

    private static long id(Random random) {
        return IDS.get(random.nextInt(IDS.size()));
    }

    private static long idOrZero(Random random) {
        return random.nextInt(20) == 0 ? 0 : id(random);
    }

    private static Message grant(Random random) {
        long ttl =
                switch (random.nextInt(12)) {
                    case 0 -> TTL_SECONDS_TOO_LARGE;
                    case 1 -> Long.MAX_VALUE;
                    default -> TTL_SECONDS_MIN + random.nextInt(1_000);
                };
        return LeaseGrantRequest.newBuilder().setID(id(random)).setTTL(ttl).build();
    }

    private static PutRequest put(Random random) {
        PutRequest.Builder put =
                PutRequest.newBuilder()
                        .setKey(Alphabet.key(random))
                        .setValue(Alphabet.text("v" + random.nextInt(3)))
                        .setPrevKv(random.nextInt(3) == 0);
        switch (random.nextInt(10)) {
            case 0 -> put.setIgnoreLease(true);
            case 1 -> put.setIgnoreValue(true).clearValue().setLease(id(random));
            case 2 -> put.setIgnoreLease(true).setLease(id(random));
            case 3, 4 -> {}
            default -> put.setLease(id(random));
        }
        return put.build();
    }

    private static DeleteRangeRequest delete(Random random) {
        ByteString key = Alphabet.key(random);
        ByteString end = random.nextInt(4) == 0 ? Alphabet.rangeEnd(random, key) : ByteString.EMPTY;
        return DeleteRangeRequest.newBuilder().setKey(key).setRangeEnd(end).build();
    }

    private static RangeRequest range(Random random) {
        ByteString key = Alphabet.key(random);
        return RangeRequest.newBuilder()
                .setKey(key)
                .setRangeEnd(Alphabet.rangeEnd(random, key))
                .build();
    }

    private static TxnRequest txn(Random random) {
        TxnRequest.Builder txn = TxnRequest.newBuilder();
        if (random.nextBoolean()) {
            txn.addCompare(
                    Compare.newBuilder()
                            .setKey(Alphabet.key(random))
                            .setTarget(Compare.CompareTarget.LEASE)
                            .setResultValue(random.nextInt(4))
                            .setLease(idOrZero(random)));
        }
        for (int i = random.nextInt(4); i > 0; i--) {
            txn.addSuccess(op(random));
        }
        for (int i = random.nextInt(3); i > 0; i--) {
            txn.addFailure(op(random));
        }
        return txn.build();
    }

    private static RequestOp op(Random random) {
        RequestOp.Builder op = RequestOp.newBuilder();
        return switch (random.nextInt(4)) {
            case 0 -> op.setRequestDeleteRange(delete(random)).build();
            case 1 -> op.setRequestRange(range(random)).build();
            default -> op.setRequestPut(put(random)).build();
        };
    }
}
