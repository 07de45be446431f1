package io.lattice.statemachine.apply;

import static io.lattice.statemachine.apply.Requests.command;
import static io.lattice.statemachine.apply.Requests.compact;
import static io.lattice.statemachine.apply.Requests.compare;
import static io.lattice.statemachine.apply.Requests.del;
import static io.lattice.statemachine.apply.Requests.key;
import static io.lattice.statemachine.apply.Requests.nested;
import static io.lattice.statemachine.apply.Requests.op;
import static io.lattice.statemachine.apply.Requests.put;
import static io.lattice.statemachine.apply.Requests.range;
import static io.lattice.statemachine.apply.Requests.success;
import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.Compare.CompareResult;
import io.lattice.proto.etcdserverpb.Compare.CompareTarget;
import io.lattice.proto.etcdserverpb.HashKVResponse;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.TxnResponse;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TxnTest {
    @TempDir Path root;

    private StoreDriver driver;

    @BeforeEach
    void open() {
        driver = StoreDriver.create(root);
        driver.apply(command(put("a", "1")));
        driver.apply(command(put("b", "2")));
    }

    @AfterEach
    void close() {
        driver.close();
    }

    @Test
    void changesShareOneRevision() {
        TxnResponse response =
                run(success(op(put("x", "1")), op(range("x")), del("a", ""), op(range("a", "z"))));

        assertThat(response.getHeader()).isEqualTo(header(4));
        assertThat(response.getResponses(0).getResponsePut().getHeader()).isEqualTo(header(4));
        RangeResponse seen = response.getResponses(3).getResponseRange();
        assertThat(seen.getHeader()).isEqualTo(header(4));
        assertThat(seen.getKvsList())
                .extracting(kv -> kv.getKey().toStringUtf8())
                .containsExactly("b", "x");
        assertThat(seen.getKvs(1).getModRevision()).isEqualTo(4);
    }

    @Test
    void rangeHeadersFollowTheTransaction() {
        TxnResponse response = run(success(op(range("a")), op(put("a", "3")), op(range("a"))));

        assertThat(response.getResponses(0).getResponseRange().getHeader()).isEqualTo(header(3));
        assertThat(response.getResponses(2).getResponseRange().getHeader()).isEqualTo(header(4));
    }

    @Test
    void nestedHeaderIsEmptyButThere() {
        TxnResponse response = run(success(nested(success(op(put("x", "1"))))));

        TxnResponse inner = response.getResponses(0).getResponseTxn();
        assertThat(inner.hasHeader()).isTrue();
        assertThat(inner.getHeader()).isEqualTo(ResponseHeader.getDefaultInstance());
        assertThat(inner.getSucceeded()).isTrue();
    }

    @Test
    void readingAndMissingDeletesBumpNothing() {
        assertThat(run(success(op(range("a")), del("none", ""))).getHeader()).isEqualTo(header(3));
        assertThat(run(success(nested(success(op(range("a")))))).getHeader()).isEqualTo(header(3));
        assertThat(run(TxnRequest.getDefaultInstance()).getHeader()).isEqualTo(header(3));
    }

    @Test
    void comparesOfNestedTransactionsSeeTheStateBefore() {
        TxnRequest inner =
                TxnRequest.newBuilder()
                        .addCompare(compare("x", CompareTarget.VERSION, CompareResult.EQUAL, 0))
                        .addSuccess(op(range("x")))
                        .build();

        TxnResponse response = run(success(op(put("x", "1")), nested(inner)));

        TxnResponse nested = response.getResponses(1).getResponseTxn();
        assertThat(nested.getSucceeded()).isTrue();
        assertThat(nested.getResponses(0).getResponseRange().getCount()).isEqualTo(1);
    }

    @Test
    void valueCompareOfAMissingKeyNeverHolds() {
        Compare different =
                Compare.newBuilder()
                        .setKey(key("none"))
                        .setTarget(CompareTarget.VALUE)
                        .setResult(CompareResult.NOT_EQUAL)
                        .setValue(key("v"))
                        .build();

        assertThat(holds(different)).isFalse();
        assertThat(holds(different.toBuilder().setKey(key("a")).build())).isTrue();
        assertThat(holds(compare("none", CompareTarget.MOD, CompareResult.EQUAL, 0))).isTrue();
        assertThat(holds(compare("none", CompareTarget.LEASE, CompareResult.LESS, 1))).isTrue();
    }

    @Test
    void rangeCompareNeedsAllKeys() {
        Compare.Builder created =
                compare("a", CompareTarget.CREATE, CompareResult.LESS, 3).toBuilder();

        assertThat(holds(created.build())).isTrue();
        assertThat(holds(created.setRangeEnd(key("c")).build())).isFalse();
        assertThat(holds(created.setCreateRevision(4).build())).isTrue();
        assertThat(holds(created.setRangeEnd(key("\0")).build())).isTrue();
    }

    @Test
    void onlyTheTakenPathIsChecked() {
        TxnRequest.Builder txn = TxnRequest.newBuilder();
        txn.addSuccess(op(range("a")));
        txn.addFailure(op(range("a").toBuilder().setRevision(99).build()));
        txn.addFailure(op(put("n", "").toBuilder().setIgnoreValue(true).build()));

        assertThat(outcome(txn.build())).isInstanceOf(Outcome.Applied.class);
        txn.addCompare(compare("a", CompareTarget.MOD, CompareResult.EQUAL, 77));
        assertThat(outcome(txn.build())).isEqualTo(refused(Refusal.FUTURE_REVISION));
    }

    @Test
    void refusalLeavesNoTrace() {
        int before = hash().getHash();

        Outcome checked =
                outcome(
                        success(
                                op(put("x", "1")),
                                op(range("a").toBuilder().setRevision(9).build())));
        Outcome lease =
                outcome(
                        success(
                                op(put("x", "1")),
                                op(put("y", "1").toBuilder().setLease(5).build())));

        assertThat(checked).isEqualTo(refused(Refusal.FUTURE_REVISION));
        assertThat(lease).isEqualTo(refused(Refusal.LEASE_NOT_FOUND));
        assertThat(hash().getHash()).isEqualTo(before);
        assertThat(hash().getHashRevision()).isEqualTo(3);
    }

    @Test
    void revisionsAreCheckedAgainstTheStateBefore() {
        assertThat(
                        outcome(
                                success(
                                        op(put("x", "1")),
                                        op(range("a").toBuilder().setRevision(4).build()))))
                .isEqualTo(refused(Refusal.FUTURE_REVISION));
        RangeResponse old =
                run(success(op(put("a", "3")), op(range("a").toBuilder().setRevision(3).build())))
                        .getResponses(1)
                        .getResponseRange();
        assertThat(old.getKvs(0).getValue().toStringUtf8()).isEqualTo("1");
        driver.apply(compact(3));
        assertThat(outcome(success(op(range("a").toBuilder().setRevision(2).build()))))
                .isEqualTo(refused(Refusal.COMPACTED));
        assertThat(outcome(success(op(range("a").toBuilder().setRevision(-1).build()))))
                .isEqualTo(refused(Refusal.COMPACTED));
    }

    @Test
    void ignoredValueOfAKeyDeletedInTheSameTransactionTakesAllBack() {
        int before = hash().getHash();
        TxnRequest txn =
                success(
                        del("a", "\0"),
                        op(put("x", "new")),
                        op(put("b", "").toBuilder().setIgnoreValue(true).build()));
        assertThat(RequestChecks.check(txn, 128)).isNull();

        List<Outcome> outcomes =
                driver.apply(
                        List.of(command(put("b", "3")), command(txn), command(rangeTxn("a", "z"))));

        assertThat(outcomes.get(1)).isEqualTo(refused(Refusal.KEY_NOT_FOUND));
        RangeResponse after = rangeOf(outcomes.get(2));
        assertThat(after.getKvsList())
                .extracting(kv -> kv.getValue().toStringUtf8())
                .containsExactly("1", "3");
        assertThat(hash().getHash()).isNotEqualTo(before);
        assertThat(hash().getHashRevision()).isEqualTo(4);
    }

    @Test
    void deleteFromKeyAndPutOfOneKeySurviveACompactionThere() {
        run(success(del("a", "\0"), op(put("b", "again"))));
        driver.apply(compact(4));
        driver.store().compacted(StoreDriver.KEYSPACE, 4).join();

        RangeResponse all = driver.read(query -> query.range(1, range("\0", "\0")));

        assertThat(all.getKvsList())
                .extracting(kv -> kv.getKey().toStringUtf8())
                .containsExactly("b");
        assertThat(all.getKvs(0).getVersion()).isEqualTo(1);
        assertThat(all.getKvs(0).getCreateRevision()).isEqualTo(4);
    }

    private static TxnRequest rangeTxn(String from, String end) {
        return success(op(range(from, end)));
    }

    private static RangeResponse rangeOf(Outcome outcome) {
        Outcome.Applied applied = (Outcome.Applied) outcome;
        return ((TxnResponse) applied.response()).getResponses(0).getResponseRange();
    }

    private HashKVResponse hash() {
        return driver.read(query -> query.hashKv(StoreDriver.KEYSPACE, 0));
    }

    private boolean holds(Compare compare) {
        return run(TxnRequest.newBuilder().addCompare(compare).build()).getSucceeded();
    }

    private TxnResponse run(TxnRequest txn) {
        return (TxnResponse) ((Outcome.Applied) outcome(txn)).response();
    }

    private Outcome outcome(TxnRequest txn) {
        return driver.apply(command(txn));
    }

    private static Outcome refused(Refusal refusal) {
        return new Outcome.Refused(refusal);
    }

    private static ResponseHeader header(long revision) {
        return ResponseHeader.newBuilder().setRevision(revision).build();
    }
}
