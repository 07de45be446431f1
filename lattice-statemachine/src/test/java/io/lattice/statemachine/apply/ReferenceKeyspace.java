package io.lattice.statemachine.apply;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.CompactionResponse;
import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.Compare.CompareTarget;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.DeleteRangeResponse;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.PutResponse;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeRequest.SortOrder;
import io.lattice.proto.etcdserverpb.RangeRequest.SortTarget;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.proto.etcdserverpb.ResponseOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.TxnResponse;
import io.lattice.proto.mvccpb.KeyValue;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/// What etcd's key-value semantics say, as plainly as possible: a full copy of the keys for every revision. The oracle of the
/// model tests; shares no code with what it checks.
final class ReferenceKeyspace {
    private static final Comparator<ByteString> ORDER =
            ByteString.unsignedLexicographicalComparator();

    /// An answer other than a response.
    static final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1L;
        final transient Refusal refusal;

        Refused(Refusal refusal) {
            super(refusal.name());
            this.refusal = refusal;
        }
    }

    /// One line of etcd's key bucket.
    private record Stored(long main, long sub, boolean tombstone, KeyValue keyValue) {}

    private final List<NavigableMap<ByteString, KeyValue>> states = new ArrayList<>();
    private final List<Stored> bucket = new ArrayList<>();
    private long compacted = -1;

    ReferenceKeyspace() {
        states.add(new TreeMap<>(ORDER));
        states.add(new TreeMap<>(ORDER));
    }

    long revision() {
        return states.size() - 1L;
    }

    long compacted() {
        return compacted;
    }

    Message put(PutRequest request) {
        Work work = new Work();
        work.check(request);
        Message response = work.put(request);
        work.commit();
        return response;
    }

    Message delete(DeleteRangeRequest request) {
        Work work = new Work();
        Message response = work.delete(request);
        work.commit();
        return response;
    }

    Message txn(TxnRequest request) {
        Work work = new Work();
        work.checkTaken(request);
        TxnResponse.Builder response = work.execute(request).toBuilder();
        work.commit();
        return response.setHeader(header(work.revision())).build();
    }

    Message compact(CompactionRequest request) {
        if (request.getRevision() <= compacted) {
            throw new Refused(Refusal.COMPACTED);
        }
        if (request.getRevision() > revision()) {
            throw new Refused(Refusal.FUTURE_REVISION);
        }
        compacted = request.getRevision();
        return CompactionResponse.newBuilder().setHeader(header(revision())).build();
    }

    RangeResponse range(RangeRequest request) {
        if (request.getRevision() > revision()) {
            throw new Refused(Refusal.FUTURE_REVISION);
        }
        if (request.getRevision() > 0 && request.getRevision() < compacted) {
            throw new Refused(Refusal.COMPACTED);
        }
        long at = request.getRevision() <= 0 ? revision() : request.getRevision();
        return range(states.get((int) at), request, revision());
    }

    /// etcd's HashKV once its compaction has finished.
    int hash(long at) {
        NavigableMap<ByteString, KeyValue> then = states.get((int) at);
        NavigableMap<ByteString, KeyValue> keep =
                then.isEmpty() && compacted >= 0 ? states.get((int) compacted) : then;
        CRC32C crc = new CRC32C();
        crc.update("key".getBytes(StandardCharsets.UTF_8));
        for (Stored stored : bucket) {
            boolean old = stored.main <= compacted;
            boolean kept = stored.keyValue.equals(keep.get(stored.keyValue.getKey()));
            // Two puts of one key in one revision make equal messages but for the version, so
            // equality tells them apart.
            if (stored.main > at || (old && (stored.tombstone || !kept))) {
                continue;
            }
            ByteBuffer key = ByteBuffer.allocate(stored.tombstone ? 18 : 17);
            key.putLong(stored.main).put((byte) '_').putLong(stored.sub);
            if (stored.tombstone) {
                key.put((byte) 't');
            }
            crc.update(key.array());
            crc.update(stored.keyValue.toByteArray());
        }
        return (int) crc.getValue();
    }

    private static NavigableMap<ByteString, KeyValue> select(
            NavigableMap<ByteString, KeyValue> state, ByteString key, ByteString end) {
        if (end.isEmpty()) {
            return state.subMap(key, true, key, true);
        }
        if (end.equals(ByteString.copyFrom(new byte[1]))) {
            return state.tailMap(key, true);
        }
        return ORDER.compare(key, end) >= 0
                ? Collections.emptyNavigableMap()
                : state.subMap(key, true, end, false);
    }

    private static RangeResponse range(
            NavigableMap<ByteString, KeyValue> state, RangeRequest request, long headerRevision) {
        List<KeyValue> found =
                new ArrayList<>(select(state, request.getKey(), request.getRangeEnd()).values());
        RangeResponse.Builder response =
                RangeResponse.newBuilder().setHeader(header(headerRevision)).setCount(found.size());
        if (request.getCountOnly()) {
            return response.build();
        }
        long limit = request.getLimit() <= 0 ? Integer.MAX_VALUE : request.getLimit();
        boolean filtered =
                request.getMinModRevision() != 0
                        || request.getMaxModRevision() != 0
                        || request.getMinCreateRevision() != 0
                        || request.getMaxCreateRevision() != 0;
        if (request.getSortOrder() == SortOrder.NONE && !filtered && found.size() > limit + 1) {
            found = new ArrayList<>(found.subList(0, (int) limit + 1));
        }
        found.removeIf(kv -> isFilteredOut(kv, request));
        boolean unsorted =
                request.getSortTarget() == SortTarget.KEY
                        && request.getSortOrder() == SortOrder.NONE;
        if (!unsorted) {
            Comparator<KeyValue> order = comparator(request.getSortTarget());
            found.sort(request.getSortOrder() == SortOrder.DESCEND ? order.reversed() : order);
        }
        response.setMore(found.size() > limit);
        for (KeyValue kv : found.subList(0, (int) Math.min(limit, found.size()))) {
            KeyValue.Builder copy = kv.toBuilder();
            if (request.getKeysOnly()) {
                copy.clearValue();
                if (request.getSortTarget() != SortTarget.VALUE) {
                    copy.clearLease();
                }
            }
            response.addKvs(copy);
        }
        return response.build();
    }

    private static boolean isFilteredOut(KeyValue kv, RangeRequest request) {
        return (request.getMinModRevision() != 0
                        && kv.getModRevision() < request.getMinModRevision())
                || (request.getMaxModRevision() != 0
                        && kv.getModRevision() > request.getMaxModRevision())
                || (request.getMinCreateRevision() != 0
                        && kv.getCreateRevision() < request.getMinCreateRevision())
                || (request.getMaxCreateRevision() != 0
                        && kv.getCreateRevision() > request.getMaxCreateRevision());
    }

    private static Comparator<KeyValue> comparator(SortTarget target) {
        return switch (target) {
            case KEY -> Comparator.comparing(KeyValue::getKey, ORDER);
            case VERSION -> Comparator.comparingLong(KeyValue::getVersion);
            case CREATE -> Comparator.comparingLong(KeyValue::getCreateRevision);
            case MOD -> Comparator.comparingLong(KeyValue::getModRevision);
            case VALUE -> Comparator.comparing(KeyValue::getValue, ORDER);
            case UNRECOGNIZED -> throw new IllegalArgumentException();
        };
    }

    private static ResponseHeader header(long revision) {
        return ResponseHeader.newBuilder().setRevision(revision).build();
    }

    /// One command at work on a copy of the newest state.
    private final class Work {
        private final NavigableMap<ByteString, KeyValue> state = new TreeMap<>(states.getLast());
        private final long begin = ReferenceKeyspace.this.revision();
        private final List<Stored> written = new ArrayList<>();

        long revision() {
            return written.isEmpty() ? begin : begin + 1;
        }

        void commit() {
            if (!written.isEmpty()) {
                states.add(state);
                bucket.addAll(written);
            }
        }

        void check(PutRequest request) {
            if (request.getLease() != 0) {
                throw new Refused(Refusal.LEASE_NOT_FOUND);
            }
            if ((request.getIgnoreLease() || request.getIgnoreValue())
                    && !states.getLast().containsKey(request.getKey())) {
                throw new Refused(Refusal.KEY_NOT_FOUND);
            }
        }

        PutResponse put(PutRequest request) {
            KeyValue old = state.get(request.getKey());
            if (old == null && (request.getIgnoreLease() || request.getIgnoreValue())) {
                throw new Refused(Refusal.KEY_NOT_FOUND);
            }
            KeyValue.Builder fresh =
                    KeyValue.newBuilder()
                            .setKey(request.getKey())
                            .setValue(request.getValue())
                            .setLease(request.getLease())
                            .setModRevision(begin + 1)
                            .setCreateRevision(old == null ? begin + 1 : old.getCreateRevision())
                            .setVersion(old == null ? 1 : old.getVersion() + 1);
            if (old != null && request.getIgnoreValue()) {
                fresh.setValue(old.getValue());
            }
            if (old != null && request.getIgnoreLease()) {
                fresh.setLease(old.getLease());
            }
            state.put(request.getKey(), fresh.build());
            written.add(new Stored(begin + 1, written.size(), false, fresh.build()));
            PutResponse.Builder response = PutResponse.newBuilder().setHeader(header(begin + 1));
            if (request.getPrevKv() && old != null) {
                response.setPrevKv(old);
            }
            return response.build();
        }

        DeleteRangeResponse delete(DeleteRangeRequest request) {
            List<KeyValue> found =
                    new ArrayList<>(
                            select(state, request.getKey(), request.getRangeEnd()).values());
            for (KeyValue kv : found) {
                state.remove(kv.getKey());
                KeyValue tombstone = KeyValue.newBuilder().setKey(kv.getKey()).build();
                written.add(new Stored(begin + 1, written.size(), true, tombstone));
            }
            DeleteRangeResponse.Builder response =
                    DeleteRangeResponse.newBuilder()
                            .setHeader(header(revision()))
                            .setDeleted(found.size());
            if (request.getPrevKv()) {
                response.addAllPrevKvs(found);
            }
            return response.build();
        }

        void checkTaken(TxnRequest request) {
            for (RequestOp operation : taken(request)) {
                switch (operation.getRequestCase()) {
                    case REQUEST_PUT -> check(operation.getRequestPut());
                    case REQUEST_TXN -> checkTaken(operation.getRequestTxn());
                    case REQUEST_RANGE -> {
                        long at = operation.getRequestRange().getRevision();
                        if (at > begin) {
                            throw new Refused(Refusal.FUTURE_REVISION);
                        }
                        if (at != 0 && at < compacted) {
                            throw new Refused(Refusal.COMPACTED);
                        }
                    }
                    default -> {}
                }
            }
        }

        TxnResponse execute(TxnRequest request) {
            TxnResponse.Builder response =
                    TxnResponse.newBuilder()
                            .setHeader(ResponseHeader.getDefaultInstance())
                            .setSucceeded(holds(request));
            for (RequestOp operation : taken(request)) {
                ResponseOp.Builder answer = response.addResponsesBuilder();
                switch (operation.getRequestCase()) {
                    case REQUEST_PUT -> answer.setResponsePut(put(operation.getRequestPut()));
                    case REQUEST_DELETE_RANGE ->
                            answer.setResponseDeleteRange(
                                    delete(operation.getRequestDeleteRange()));
                    case REQUEST_TXN -> answer.setResponseTxn(execute(operation.getRequestTxn()));
                    case REQUEST_RANGE ->
                            answer.setResponseRange(rangeInside(operation.getRequestRange()));
                    default -> throw new IllegalArgumentException();
                }
            }
            return response.build();
        }

        private RangeResponse rangeInside(RangeRequest request) {
            long at = request.getRevision();
            return range(at <= 0 ? state : states.get((int) at), request, revision());
        }

        private List<RequestOp> taken(TxnRequest request) {
            return holds(request) ? request.getSuccessList() : request.getFailureList();
        }

        /// Compares see the state before the transaction.
        private boolean holds(TxnRequest request) {
            return request.getCompareList().stream().allMatch(this::holds);
        }

        private boolean holds(Compare compare) {
            Map<ByteString, KeyValue> found =
                    select(states.getLast(), compare.getKey(), compare.getRangeEnd());
            if (found.isEmpty()) {
                return compare.getTarget() != CompareTarget.VALUE && holds(compare, null);
            }
            return found.values().stream().allMatch(kv -> holds(compare, kv));
        }

        private static boolean holds(Compare compare, @Nullable KeyValue found) {
            KeyValue kv = found == null ? KeyValue.getDefaultInstance() : found;
            int order =
                    switch (compare.getTarget()) {
                        case VALUE -> ORDER.compare(kv.getValue(), compare.getValue());
                        case VERSION -> Long.compare(kv.getVersion(), compare.getVersion());
                        case CREATE ->
                                Long.compare(kv.getCreateRevision(), compare.getCreateRevision());
                        case MOD -> Long.compare(kv.getModRevision(), compare.getModRevision());
                        case LEASE -> Long.compare(kv.getLease(), compare.getLease());
                        case UNRECOGNIZED -> throw new IllegalArgumentException();
                    };
            return switch (compare.getResult()) {
                case EQUAL -> order == 0;
                case NOT_EQUAL -> order != 0;
                case LESS -> order < 0;
                case GREATER -> order > 0;
                case UNRECOGNIZED -> throw new IllegalArgumentException();
            };
        }
    }
}
