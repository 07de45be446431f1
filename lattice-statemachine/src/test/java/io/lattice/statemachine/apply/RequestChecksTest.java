package io.lattice.statemachine.apply;

import static io.lattice.statemachine.apply.Requests.del;
import static io.lattice.statemachine.apply.Requests.delete;
import static io.lattice.statemachine.apply.Requests.nested;
import static io.lattice.statemachine.apply.Requests.put;
import static io.lattice.statemachine.apply.Requests.range;
import static io.lattice.statemachine.apply.Requests.success;
import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import java.util.Collections;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class RequestChecksTest {
    private static final int MAX_OPS = 128;

    @Test
    void keyIsRequired() {
        assertThat(RequestChecks.check(range(""))).isEqualTo(Refusal.EMPTY_KEY);
        assertThat(RequestChecks.check(put("", "v"))).isEqualTo(Refusal.EMPTY_KEY);
        assertThat(RequestChecks.check(delete("", ""))).isEqualTo(Refusal.EMPTY_KEY);
        assertThat(check(success(del("", "")))).isEqualTo(Refusal.EMPTY_KEY);
        assertThat(check(TxnRequest.newBuilder().addCompare(Compare.newBuilder()).build()))
                .isEqualTo(Refusal.EMPTY_KEY);
    }

    @Test
    void ignoredPartsMustNotBeGiven() {
        PutRequest both =
                put("k", "v").toBuilder()
                        .setIgnoreValue(true)
                        .setIgnoreLease(true)
                        .setLease(1)
                        .build();

        assertThat(RequestChecks.check(both)).isEqualTo(Refusal.VALUE_PROVIDED);
        assertThat(RequestChecks.check(both.toBuilder().clearValue().build()))
                .isEqualTo(Refusal.LEASE_PROVIDED);
        assertThat(RequestChecks.check(both.toBuilder().clearValue().clearLease().build()))
                .isNull();
    }

    @Test
    void unknownSortIsRefused() {
        assertThat(RequestChecks.check(range("k").toBuilder().setSortOrderValue(9).build()))
                .isEqualTo(Refusal.INVALID_SORT_OPTION);
        assertThat(RequestChecks.check(range("k").toBuilder().setSortTargetValue(9).build()))
                .isEqualTo(Refusal.INVALID_SORT_OPTION);
    }

    @Test
    void streamsTakeNeitherSortNorFilters() {
        RangeRequest.Builder range = range("k").toBuilder();

        assertThat(RequestChecks.checkStream(range.build())).isNull();
        assertThat(
                        RequestChecks.checkStream(
                                range.setSortOrder(RangeRequest.SortOrder.DESCEND).build()))
                .isEqualTo(Refusal.STREAM_SORT_UNSUPPORTED);
        assertThat(
                        RequestChecks.checkStream(
                                range.clearSortOrder().setMinCreateRevision(1).build()))
                .isEqualTo(Refusal.STREAM_FILTER_UNSUPPORTED);
    }

    @Test
    void nestedTransactionHasWhatItsAncestorsLeft() {
        TxnRequest.Builder outer = TxnRequest.newBuilder();
        outer.addAllFailure(Collections.nCopies(100, op(range("k"))));
        TxnRequest.Builder inner = TxnRequest.newBuilder();
        inner.addAllSuccess(Collections.nCopies(28, op(range("k"))));

        TxnRequest fits = outer.clone().addSuccess(nested(inner.build())).build();
        assertThat(check(fits)).isNull();
        TxnRequest siblings = fits.toBuilder().addSuccess(nested(inner.build())).build();
        assertThat(check(siblings)).isNull();
        inner.addSuccess(op(range("k")));
        TxnRequest tooMany = outer.clone().addSuccess(nested(inner.build())).build();
        assertThat(check(tooMany)).isEqualTo(Refusal.TOO_MANY_OPS);
    }

    @Test
    void emptyOperationIsKeyNotFound() {
        assertThat(check(success(RequestOp.getDefaultInstance()))).isEqualTo(Refusal.KEY_NOT_FOUND);
    }

    @Test
    void keyMayBePutOnce() {
        assertThat(check(success(op("a"), op("b")))).isNull();
        assertThat(check(success(op("a"), op("a")))).isEqualTo(Refusal.DUPLICATE_KEY);
        assertThat(check(success(op("a"), nested(success(op("a"))))))
                .isEqualTo(Refusal.DUPLICATE_KEY);
        assertThat(check(success(nested(success(op("a"))), nested(success(op("a"))))))
                .isEqualTo(Refusal.DUPLICATE_KEY);
    }

    @Test
    void branchesOfOneNestedTransactionDoNotConflict() {
        TxnRequest either = TxnRequest.newBuilder().addSuccess(op("a")).addFailure(op("a")).build();

        assertThat(check(either)).isNull();
        assertThat(check(success(nested(either)))).isNull();
        assertThat(check(success(nested(either), nested(either)))).isEqualTo(Refusal.DUPLICATE_KEY);
    }

    @Test
    void putMustNotMeetADelete() {
        assertThat(check(success(op("b"), del("a", "c")))).isEqualTo(Refusal.DUPLICATE_KEY);
        assertThat(check(success(op("c"), del("a", "c")))).isNull();
        assertThat(check(success(op("a"), del("a", "")))).isEqualTo(Refusal.DUPLICATE_KEY);
        assertThat(check(success(op("b"), del("a", "")))).isNull();
        assertThat(check(success(del("a", "c"), del("b", "d")))).isNull();
        assertThat(check(success(op("bb"), del("a", "b"), del("b", "c"), del("a", "b"))))
                .isEqualTo(Refusal.DUPLICATE_KEY);
    }

    @Test
    void deleteFromKeyIsNotExpanded() {
        assertThat(check(success(op("b"), del("a", "\0")))).isNull();
        assertThat(check(success(op("b"), del("c", "a")))).isNull();
    }

    @Test
    void nestedDeleteRejectsOnlyLaterPuts() {
        TxnRequest deletion = success(del("a", "c"));

        assertThat(check(success(nested(deletion), nested(success(op("b"))))))
                .isEqualTo(Refusal.DUPLICATE_KEY);
        assertThat(check(success(nested(success(op("b"))), nested(deletion)))).isNull();
        assertThat(check(success(op("b"), nested(deletion)))).isEqualTo(Refusal.DUPLICATE_KEY);
    }

    @Test
    void onlyFlatRangesAreReadOnly() {
        assertThat(RequestChecks.isReadOnly(success(op(range("a"))))).isTrue();
        assertThat(RequestChecks.isReadOnly(TxnRequest.getDefaultInstance())).isTrue();
        assertThat(RequestChecks.isReadOnly(success(nested(success(op(range("a"))))))).isFalse();
        assertThat(RequestChecks.isReadOnly(success(op("a")))).isFalse();
        assertThat(RequestChecks.isSerializable(success(op(range("a"))))).isFalse();
    }

    @Test
    void whatReadsOrComparesDependsOnWhatIsStored() {
        TxnRequest comparing =
                TxnRequest.newBuilder()
                        .addCompare(Compare.newBuilder())
                        .addSuccess(op("k"))
                        .build();
        TxnRequest failureReads = TxnRequest.newBuilder().addFailure(op(range("k"))).build();

        assertThat(RequestChecks.readsOrCompares(success(op("k"), del("l", "")))).isFalse();
        assertThat(RequestChecks.readsOrCompares(success(nested(success(op("k")))))).isFalse();
        assertThat(RequestChecks.readsOrCompares(comparing)).isTrue();
        assertThat(RequestChecks.readsOrCompares(failureReads)).isTrue();
        assertThat(RequestChecks.readsOrCompares(success(nested(comparing)))).isTrue();
        assertThat(RequestChecks.readsOrCompares(success(nested(failureReads)))).isTrue();
    }

    private static @Nullable Refusal check(TxnRequest request) {
        return RequestChecks.check(request, MAX_OPS);
    }

    private static RequestOp op(String key) {
        return RequestOp.newBuilder().setRequestPut(put(key, "v")).build();
    }

    private static RequestOp op(RangeRequest range) {
        return RequestOp.newBuilder().setRequestRange(range).build();
    }
}
