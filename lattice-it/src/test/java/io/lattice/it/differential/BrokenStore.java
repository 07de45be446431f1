package io.lattice.it.differential;

import com.google.protobuf.Message;
import io.grpc.Status;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.DeleteRangeResponse;
import io.lattice.proto.etcdserverpb.HashKVResponse;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.RangeStreamResponse;
import io.lattice.proto.etcdserverpb.TxnRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/// A store that is wrong in one deliberate way.
record BrokenStore(Store store, Fault fault) implements Store {

    /// The ways to be wrong; each is a mistake that a look-alike of etcd has made or could make.
    enum Fault {
        COUNT_STOPS_AT_THE_LIMIT,
        MORE_IS_NEVER_SET,
        HEADER_TELLS_THE_REVISION_READ,
        DELETED_COUNTS_ONE_LESS,
        LEASE_KEPT_WITH_KEYS_ONLY,
        ORDER_IGNORED,
        REVISION_FILTER_IGNORED,
        SERIALIZABLE_READ_IS_OLD,
        ERROR_TEXT_DIFFERS,
        ERROR_CODE_DIFFERS,
        PUT_ACKNOWLEDGED_AND_LOST,
        PUT_APPLIED_TWICE,
        IGNORE_VALUE_IGNORED,
        NESTED_TXN_TAKES_THE_OTHER_BRANCH,
        COMPACTS_ONE_TOO_FEW,
        HASH_DIFFERS,
        STREAM_REPEATS_THE_COUNT
    }

    @Override
    public String name() {
        return "broken by " + fault;
    }

    @Override
    public int members() {
        return store.members();
    }

    @Override
    public CompletableFuture<Reply> send(int member, Call call, Message request) {
        if (fault == Fault.PUT_ACKNOWLEDGED_AND_LOST
                && request instanceof PutRequest put
                && put.getPrevKv()) {
            // A put of another key gives a plausible answer and the right revision.
            Message other = put.toBuilder().setKey(Alphabet.text("zz")).build();
            return store.send(member, call, other);
        }
        if (fault == Fault.PUT_APPLIED_TWICE
                && request instanceof PutRequest put
                && put.getIgnoreLease()) {
            return store.send(member, call, request)
                    .thenCompose(first -> store.send(member, call, request));
        }
        return store.send(member, call, wrong(request)).thenApply(reply -> wrong(request, reply));
    }

    private Message wrong(Message request) {
        return switch (request) {
            case RangeRequest range when fault == Fault.ORDER_IGNORED ->
                    range.toBuilder().clearSortOrder().build();
            case RangeRequest range when fault == Fault.REVISION_FILTER_IGNORED ->
                    range.toBuilder().clearMaxCreateRevision().build();
            case RangeRequest range
                    when fault == Fault.SERIALIZABLE_READ_IS_OLD
                            && range.getSerializable()
                            && range.getRevision() == 0 ->
                    range.toBuilder().setRevision(1).build();
            case PutRequest put when fault == Fault.IGNORE_VALUE_IGNORED ->
                    put.toBuilder().clearIgnoreValue().build();
            case TxnRequest txn when fault == Fault.NESTED_TXN_TAKES_THE_OTHER_BRANCH ->
                    swapNested(txn);
            case CompactionRequest compact
                    when fault == Fault.COMPACTS_ONE_TOO_FEW && compact.getRevision() > 1 ->
                    compact.toBuilder().setRevision(compact.getRevision() - 1).build();
            default -> request;
        };
    }

    private static TxnRequest swapNested(TxnRequest txn) {
        TxnRequest.Builder swapped = txn.toBuilder();
        for (int i = 0; i < swapped.getSuccessCount(); i++) {
            if (swapped.getSuccess(i).hasRequestTxn()) {
                TxnRequest nested = swapped.getSuccess(i).getRequestTxn();
                swapped.getSuccessBuilder(i)
                        .setRequestTxn(
                                nested.toBuilder()
                                        .clearSuccess()
                                        .clearFailure()
                                        .addAllSuccess(nested.getFailureList())
                                        .addAllFailure(nested.getSuccessList()));
            }
        }
        return swapped.build();
    }

    private Reply wrong(Message request, Reply reply) {
        if (!reply.isOk()) {
            return switch (fault) {
                case ERROR_TEXT_DIFFERS -> new Reply(List.of(), reply.code(), reply.text() + ".");
                case ERROR_CODE_DIFFERS ->
                        reply.code() == Status.Code.OUT_OF_RANGE
                                ? new Reply(List.of(), Status.Code.NOT_FOUND, reply.text())
                                : reply;
                default -> reply;
            };
        }
        List<Message> messages = new ArrayList<>();
        for (Message message : reply.messages()) {
            messages.add(wrongMessage(request, message));
        }
        return new Reply(messages, reply.code(), reply.text());
    }

    private Message wrongMessage(Message request, Message message) {
        return switch (message) {
            case RangeResponse range -> wrongRange((RangeRequest) request, range);
            case RangeStreamResponse chunk when fault == Fault.STREAM_REPEATS_THE_COUNT -> {
                RangeStreamResponse.Builder repeated = chunk.toBuilder();
                repeated.getRangeResponseBuilder().setCount(chunk.getRangeResponse().getKvsCount());
                yield repeated.build();
            }
            case DeleteRangeResponse delete
                    when fault == Fault.DELETED_COUNTS_ONE_LESS && delete.getDeleted() > 1 ->
                    delete.toBuilder().setDeleted(delete.getDeleted() - 1).build();
            case HashKVResponse hash when fault == Fault.HASH_DIFFERS ->
                    hash.toBuilder().setHash(hash.getHash() ^ 1).build();
            default -> message;
        };
    }

    private RangeResponse wrongRange(RangeRequest request, RangeResponse range) {
        RangeResponse.Builder wrong = range.toBuilder();
        switch (fault) {
            case COUNT_STOPS_AT_THE_LIMIT -> {
                if (!request.getCountOnly()) {
                    wrong.setCount(range.getKvsCount());
                }
            }
            case MORE_IS_NEVER_SET -> wrong.clearMore();
            case HEADER_TELLS_THE_REVISION_READ -> {
                if (request.getRevision() > 0) {
                    wrong.getHeaderBuilder().setRevision(request.getRevision());
                }
            }
            case LEASE_KEPT_WITH_KEYS_ONLY -> {
                if (request.getKeysOnly() && wrong.getKvsCount() > 0) {
                    wrong.getKvsBuilder(0).setLease(7);
                }
            }
            default -> {
                return range;
            }
        }
        return wrong.build();
    }
}
