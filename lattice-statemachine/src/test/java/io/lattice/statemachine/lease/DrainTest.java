package io.lattice.statemachine.lease;

import static io.lattice.statemachine.apply.Requests.compare;
import static io.lattice.statemachine.apply.Requests.del;
import static io.lattice.statemachine.apply.Requests.nested;
import static io.lattice.statemachine.apply.Requests.op;
import static io.lattice.statemachine.apply.Requests.range;
import static io.lattice.statemachine.apply.Requests.success;
import static io.lattice.statemachine.lease.LeaseStore.grant;
import static io.lattice.statemachine.lease.LeaseStore.put;
import static io.lattice.statemachine.lease.LeaseStore.putCommand;
import static io.lattice.statemachine.lease.LeaseStore.revoke;
import static io.lattice.statemachine.lease.LeaseStore.txn;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.proto.command.Command;
import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.Compare.CompareResult;
import io.lattice.proto.etcdserverpb.Compare.CompareTarget;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.TxnResponse;
import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.apply.Requests;
import io.lattice.statemachine.apply.StoreDriver;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What commands meet while a revoked lease's keys are being deleted, one with each tick.
final class DrainTest {
    private static final long LEASE = 5;

    @TempDir Path root;

    private StoreDriver driver;
    private LeaseStore store;

    /// Keys a, b, c, d and e of a revoked lease, of which a is deleted; and x of none.
    @BeforeEach
    void drain() {
        driver = StoreDriver.create(root, new DrainLimits(2, 1));
        store = new LeaseStore(driver);
        store.apply(grant(1, LEASE, 60));
        for (String key : List.of("c", "a", "e", "b", "d")) {
            store.apply(putCommand(1, key, LEASE));
        }
        store.apply(putCommand(1, "x", 0));
        store.apply(revoke(1, LEASE));
        store.apply(store.tick(0, 1));
        assertThat(driver.isDraining()).isTrue();
        assertThat(store.revision(1)).isEqualTo(8);
    }

    @AfterEach
    void close() {
        driver.close();
    }

    private TxnResponse answer(TxnRequest txn) {
        return (TxnResponse) ((Outcome.Applied) store.apply(txn(1, txn))).response();
    }

    @Test
    void aCompareFindsNoSuchKey() {
        TxnRequest isThere =
                TxnRequest.newBuilder()
                        .addCompare(compare("c", CompareTarget.VERSION, CompareResult.GREATER, 0))
                        .addSuccess(op(put("x", 0)))
                        .addFailure(op(put("y", 0)))
                        .build();

        assertThat(answer(isThere).getSucceeded()).isFalse();
        assertThat(driver.isDraining()).isFalse();
    }

    @Test
    void aCompareOverARangeFindsNoSuchKey() {
        var areNew =
                compare("b", CompareTarget.CREATE, CompareResult.EQUAL, 0).toBuilder()
                        .setRangeEnd(ByteString.copyFromUtf8("d"))
                        .build();
        TxnRequest areThere =
                TxnRequest.newBuilder().addCompare(areNew).addSuccess(op(put("y", 0))).build();

        assertThat(answer(areThere).getSucceeded()).isTrue();
        assertThat(driver.isDraining()).isFalse();
    }

    @Test
    void aRangeOfATxnFindsNoSuchKey() {
        TxnResponse response = answer(success(op(put("x", 0)), op(range("b", "\0"))));

        assertThat(response.getResponses(1).getResponseRange().getKvsList())
                .extracting(kv -> kv.getKey().toStringUtf8())
                .containsExactly("x");
    }

    @Test
    void aNestedTxnOnTheOtherWayFindsNoSuchKey() {
        TxnRequest never =
                TxnRequest.newBuilder()
                        .addCompare(compare("x", CompareTarget.VERSION, CompareResult.EQUAL, 9))
                        .addFailure(nested(success(del("e", ""), op(put("c", 0)))))
                        .build();

        TxnResponse nested = answer(never).getResponses(0).getResponseTxn();

        assertThat(nested.getResponses(0).getResponseDeleteRange().getDeleted()).isZero();
        assertThat(store.leasesOfKeys(1)).isEqualTo(Map.of("c", 0L, "x", 0L));
        assertThat(driver.read(q -> q.range(1, range("c"))).getKvs(0).getVersion()).isEqualTo(1);
    }

    @Test
    void aTxnThatIsTakenBackLeavesTheDeletions() {
        Outcome refused =
                store.apply(
                        txn(
                                1,
                                success(
                                        op(put("c", 0)),
                                        del("x", ""),
                                        op(
                                                put("x", 0).toBuilder()
                                                        .clearValue()
                                                        .setIgnoreValue(true)
                                                        .build()))));

        assertThat(refused).isInstanceOf(Outcome.Refused.class);
        assertThat(driver.isDraining()).isFalse();
        assertThat(store.leasesOfKeys(1)).isEqualTo(Map.of("x", 0L));
        assertThat(store.revision(1)).isEqualTo(8);
        driver.restart();
        assertThat(store.leasesOfKeys(1)).isEqualTo(Map.of("x", 0L));
    }

    @Test
    void whatTouchesOnlyWhatIsDeletedOrOthersEndsNothing() {
        driver.apply(List.of(store.tick(0, 1), putCommand(1, "b", 0), delete("b", "b\0")));
        assertThat(driver.isDraining()).isTrue();
        store.apply(putCommand(1, "a", 0));
        store.apply(putCommand(1, "a\0", 0));
        store.apply(putCommand(1, "f", 0));
        store.apply(putCommand(2, "c", 0));
        store.apply(delete("e\0", "\0"));
        store.apply(delete("\0", "b"));
        store.apply(delete("d", "c"));
        store.apply(compaction(7));
        assertThat(driver.isDraining()).isTrue();
        assertThat(store.revision(1)).isGreaterThan(8);

        store.apply(compaction(8));

        assertThat(driver.isDraining()).isFalse();
        assertThat(store.leasesOfKeys(1)).isEmpty();
    }

    @Test
    void aLeaseOfThatIdIsGrantedAnewWithoutTheKeys() {
        List<Outcome> outcomes =
                driver.apply(
                        List.of(
                                grant(1, LEASE, 60),
                                putCommand(1, "c", LEASE),
                                revoke(1, LEASE),
                                grant(1, LEASE, 60),
                                revoke(1, LEASE)));

        assertThat(((Outcome.Applied) outcomes.getLast()).revision()).isEqualTo(10);
        assertThat(store.leasesOfKeys(1)).isEqualTo(Map.of("x", 0L));
        assertThat(driver.isDraining()).isFalse();
    }

    @Test
    void thereAreNotTooManyAtOnce() {
        List<Command> commands = new ArrayList<>();
        for (int lease = 10; lease < 40; lease++) {
            commands.add(grant(1, lease, 60));
            commands.add(putCommand(1, "k" + lease, lease));
            commands.add(putCommand(1, "l" + lease, lease));
        }
        driver.apply(commands);
        commands.clear();
        for (int lease = 10; lease < 40; lease++) {
            commands.add(revoke(1, lease));
        }
        driver.apply(commands);

        assertThat(store.leasesOfKeys(1)).isEqualTo(Map.of("x", 0L));
        int ticks = 0;
        while (driver.isDraining()) {
            store.apply(store.tick(0, 1));
            ticks++;
        }
        assertThat(ticks).as("4 keys of the first, 2 of 15 others").isEqualTo(4 + 15 * 2);
        assertThat(store.leasesOfKeys(1)).isEqualTo(Map.of("x", 0L));
    }

    @Test
    void theSameLeaseOfAnotherTenantKeepsItsKeys() {
        store.apply(grant(2, LEASE, 60));
        store.apply(putCommand(2, "c", LEASE));

        assertThat(driver.isDraining()).isTrue();
        for (int i = 0; i < 10; i++) {
            store.apply(putCommand(1, "y" + i, 0));
            assertThat(store.leasesOfKeys(2)).isEqualTo(Map.of("c", LEASE));
        }
        store.apply(revoke(2, LEASE));
        assertThat(store.leasesOfKeys(2)).isEmpty();
        assertThat(driver.isDraining()).isTrue();
    }

    @Test
    void anEntryWithoutCommandsChangesNothing() {
        int index = driver.log().size();
        driver.log().add(CommandBatch.getDefaultInstance());
        driver.store().advance(new LogPosition(StoreDriver.termOf(index), index));

        assertThat(driver.isDraining()).isTrue();
        assertThat(store.leasesOfKeys(1)).isEqualTo(Map.of("x", 0L));
        store.apply(store.tick(0, 1));
        driver.restart();
        assertThat(driver.isDraining()).isTrue();
        assertThat(store.leasesOfKeys(1)).isEqualTo(Map.of("x", 0L));
    }

    private static Command delete(String key, String end) {
        return Command.newBuilder()
                .setKeyspace(1)
                .setDeleteRange(Requests.delete(key, end))
                .build();
    }

    private static Command compaction(long revision) {
        return Command.newBuilder()
                .setKeyspace(1)
                .setCompact(CompactionRequest.newBuilder().setRevision(revision))
                .build();
    }
}
