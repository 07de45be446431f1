package io.lattice.statemachine.lease;

import com.google.protobuf.ByteString;
import io.lattice.proto.command.Command;
import io.lattice.proto.command.LeaseRenew;
import io.lattice.proto.command.LeaseRenewed;
import io.lattice.proto.command.LeaseTick;
import io.lattice.proto.command.LeaseTicked;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.LeaseRevokeRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.mvccpb.KeyValue;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.apply.Requests;
import io.lattice.statemachine.apply.StoreDriver;
import io.lattice.statemachine.mvcc.LeaseClock;
import io.lattice.statemachine.mvcc.ReadView;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/// Short ways to do things to leases in tests and to look at what came of it.
final class LeaseStore {
    static final long ALLOWANCE_MS = 300;

    private final StoreDriver driver;

    LeaseStore(StoreDriver driver) {
        this.driver = driver;
    }

    static Command grant(int keyspace, long id, long ttl) {
        return Command.newBuilder()
                .setKeyspace(keyspace)
                .setLeaseGrant(LeaseGrantRequest.newBuilder().setID(id).setTTL(ttl))
                .build();
    }

    static Command revoke(int keyspace, long id) {
        return Command.newBuilder()
                .setKeyspace(keyspace)
                .setLeaseRevoke(LeaseRevokeRequest.newBuilder().setID(id))
                .build();
    }

    static Command renew(int keyspace, long... ids) {
        return Command.newBuilder()
                .setKeyspace(keyspace)
                .setLeaseRenew(
                        LeaseRenew.newBuilder().addAllIds(LongStream.of(ids).boxed().toList()))
                .build();
    }

    static PutRequest put(String key, long lease) {
        return Requests.put(key, "v").toBuilder().setLease(lease).build();
    }

    static Command putCommand(int keyspace, String key, long lease) {
        return Command.newBuilder().setKeyspace(keyspace).setPut(put(key, lease)).build();
    }

    static Command txn(int keyspace, TxnRequest txn) {
        return Command.newBuilder().setKeyspace(keyspace).setTxn(txn).build();
    }

    /// The next tick that counts.
    Command tick(long elapsedMs, int revokeMax) {
        return tick(term(), clock().ticks() + 1, elapsedMs, revokeMax);
    }

    static Command tick(long term, long number, long elapsedMs, int revokeMax) {
        return Command.newBuilder()
                .setLeaseTick(
                        LeaseTick.newBuilder()
                                .setTerm(term)
                                .setNumber(number)
                                .setElapsedMs(elapsedMs)
                                .setAllowanceMs(ALLOWANCE_MS)
                                .setRevokeMax(revokeMax))
                .build();
    }

    /// The term that the next entry will stand in.
    long term() {
        return StoreDriver.termOf(driver.log().size());
    }

    Outcome apply(Command command) {
        return driver.apply(command);
    }

    LeaseTicked ticked(Command tick) {
        return (LeaseTicked) ((Outcome.Applied) driver.apply(tick)).response();
    }

    List<Long> renewed(Command renew) {
        return ((LeaseRenewed) ((Outcome.Applied) driver.apply(renew)).response()).getTtlsList();
    }

    LeaseClock clock() {
        try (ReadView view = driver.store().view()) {
            return view.leaseClock();
        }
    }

    long revision(int keyspace) {
        try (ReadView view = driver.store().view()) {
            return view.revision(keyspace);
        }
    }

    LeaseReader.@Nullable Status find(int keyspace, long lease) {
        try (ReadView view = driver.store().view()) {
            return new LeaseReader(view, keyspace).find(lease);
        }
    }

    List<Long> ids(int keyspace) {
        try (ReadView view = driver.store().view()) {
            return new LeaseReader(view, keyspace).ids();
        }
    }

    List<String> keys(int keyspace, long lease) {
        try (ReadView view = driver.store().view()) {
            return new LeaseReader(view, keyspace)
                    .keys(lease).stream().map(ByteString::toStringUtf8).toList();
        }
    }

    /// The leases of all keys.
    TreeMap<String, Long> leasesOfKeys(int keyspace) {
        TreeMap<String, Long> leases = new TreeMap<>();
        for (KeyValue kv :
                driver.read(q -> q.range(keyspace, Requests.range("\0", "\0"))).getKvsList()) {
            leases.put(kv.getKey().toStringUtf8(), kv.getLease());
        }
        return leases;
    }
}
