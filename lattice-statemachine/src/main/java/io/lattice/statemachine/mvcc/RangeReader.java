package io.lattice.statemachine.mvcc;

import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeRequest.SortOrder;
import io.lattice.proto.etcdserverpb.RangeRequest.SortTarget;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.proto.mvccpb.KeyValue;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/// Answers one Range request from a reader: what to fetch, filter, sort, cut and count. The same code serves reads of a view
/// and ranges inside a transaction. The revision has been checked before.
///
/// etcd's order of work is kept, because it shows: without a sort and without filters the limit applies to the scan, so a sort
/// target with order NONE sorts only the first limit + 1 keys.
public final class RangeReader {
    /// A key found by the scan.
    private static final class Found {
        private final byte[] key;
        private final byte[] record;

        Found(byte[] key, byte[] record) {
            this.key = key;
            this.record = record;
        }
    }

    private static final Comparator<Found> BY_KEY = (a, b) -> Arrays.compareUnsigned(a.key, b.key);
    private static final Comparator<Found> BY_VERSION =
            (a, b) -> Long.compare(RecordCodec.version(a.record), RecordCodec.version(b.record));
    private static final Comparator<Found> BY_CREATE =
            (a, b) ->
                    Long.compare(
                            RecordCodec.createRevision(a.record),
                            RecordCodec.createRevision(b.record));
    private static final Comparator<Found> BY_MOD =
            (a, b) ->
                    Long.compare(
                            RecordCodec.modRevision(a.record), RecordCodec.modRevision(b.record));
    private static final Comparator<Found> BY_VALUE =
            (a, b) -> RecordCodec.compareValues(a.record, b.record);

    private RangeReader() {}

    /// The response to a request, its header holding the reader's newest revision and nothing else. `count` is the number of
    /// all keys in the range, whatever the limit and the filters.
    public static RangeResponse read(KeyReader reader, RangeRequest request) {
        return read(reader, request, true);
    }

    /// Like [#read(KeyReader, RangeRequest)], but without `count` beyond what was fetched, which spares a walk over the rest.
    public static RangeResponse readUncounted(KeyReader reader, RangeRequest request) {
        return read(reader, request, false);
    }

    /// The number of keys in the request's range at its revision.
    public static long count(KeyReader reader, RangeRequest request) {
        return reader.count(rangeOf(reader, request), revisionOf(reader, request));
    }

    /// Whether keys come back in the order in which they are stored.
    public static boolean isDefaultOrder(RangeRequest request) {
        return request.getSortOrder() == SortOrder.NONE
                || (request.getSortTarget() == SortTarget.KEY
                        && request.getSortOrder() == SortOrder.ASCEND);
    }

    /// Whether the request filters by modification or create revision.
    public static boolean hasRevisionFilters(RangeRequest request) {
        return request.getMinModRevision() != 0
                || request.getMaxModRevision() != 0
                || request.getMinCreateRevision() != 0
                || request.getMaxCreateRevision() != 0;
    }

    private static RangeResponse read(KeyReader reader, RangeRequest request, boolean counted) {
        RangeResponse.Builder response =
                RangeResponse.newBuilder()
                        .setHeader(ResponseHeader.newBuilder().setRevision(reader.revision()));
        if (request.getCountOnly()) {
            return response.setCount(count(reader, request)).build();
        }
        long revision = revisionOf(reader, request);
        KeyRange range = rangeOf(reader, request);
        if (range.isSingle() && !hasRevisionFilters(request)) {
            byte[] record = reader.get(range.lower(), revision);
            if (record != null) {
                response.setCount(1).addKvs(keyValue(range.lower(), record, request));
            }
            return response.build();
        }
        long fetchLimit = fetchLimit(request);
        List<Found> found = new ArrayList<>();
        reader.scan(
                range,
                revision,
                (key, record) -> {
                    found.add(new Found(key, record));
                    return found.size() != fetchLimit;
                });
        long count = found.size();
        if (counted && fetchLimit > 0 && count == fetchLimit) {
            count += reader.count(range.behind(found.getLast().key), revision);
        }
        List<Found> kept = filter(found, request);
        sort(kept, request);
        return assemble(response.setCount(count), kept, request);
    }

    private static RangeResponse assemble(
            RangeResponse.Builder response, List<Found> found, RangeRequest request) {
        long limit = request.getLimit();
        boolean more = limit > 0 && found.size() > limit;
        List<Found> kept = more ? found.subList(0, (int) limit) : found;
        for (Found each : kept) {
            response.addKvs(keyValue(each.key, each.record, request));
        }
        return response.setMore(more).build();
    }

    private static KeyRange rangeOf(KeyReader reader, RangeRequest request) {
        return KeyRange.of(reader.keyspace(), request.getKey(), request.getRangeEnd());
    }

    private static long revisionOf(KeyReader reader, RangeRequest request) {
        return request.getRevision() <= 0 ? reader.revision() : request.getRevision();
    }

    /// How many keys the scan takes, 0 or less for all: one more than asked for, to know whether there are more, unless
    /// sorting or filtering needs them all.
    private static long fetchLimit(RangeRequest request) {
        if (!isDefaultOrder(request) || hasRevisionFilters(request)) {
            return 0;
        }
        long limit = request.getLimit();
        return limit > 0 && limit < Long.MAX_VALUE ? limit + 1 : limit;
    }

    private static List<Found> filter(List<Found> found, RangeRequest request) {
        if (!hasRevisionFilters(request)) {
            return found;
        }
        List<Found> kept = new ArrayList<>();
        for (Found each : found) {
            long mod = RecordCodec.modRevision(each.record);
            long create = RecordCodec.createRevision(each.record);
            if (isWithin(mod, request.getMinModRevision(), request.getMaxModRevision())
                    && isWithin(
                            create,
                            request.getMinCreateRevision(),
                            request.getMaxCreateRevision())) {
                kept.add(each);
            }
        }
        return kept;
    }

    private static boolean isWithin(long revision, long min, long max) {
        return (min == 0 || revision >= min) && (max == 0 || revision <= max);
    }

    private static void sort(List<Found> found, RangeRequest request) {
        boolean byKey = request.getSortTarget() == SortTarget.KEY;
        boolean descending = request.getSortOrder() == SortOrder.DESCEND;
        if (byKey && !descending) {
            return;
        }
        Comparator<Found> order =
                switch (request.getSortTarget()) {
                    case KEY, UNRECOGNIZED -> BY_KEY;
                    case VERSION -> BY_VERSION;
                    case CREATE -> BY_CREATE;
                    case MOD -> BY_MOD;
                    case VALUE -> BY_VALUE;
                };
        found.sort(descending ? order.reversed() : order);
    }

    /// With `keys_only` the value is left out, and so is the lease unless the sort needed the value: etcd then answers from its
    /// index, which has no lease.
    private static KeyValue keyValue(byte[] key, byte[] record, RangeRequest request) {
        if (!request.getKeysOnly()) {
            return RecordCodec.toKeyValue(key, record);
        }
        KeyValue.Builder keyValue =
                KeyValue.newBuilder()
                        .setKey(RecordCodec.userKey(key))
                        .setCreateRevision(RecordCodec.createRevision(record))
                        .setModRevision(RecordCodec.modRevision(record))
                        .setVersion(RecordCodec.version(record));
        if (request.getSortTarget() == SortTarget.VALUE) {
            keyValue.setLease(RecordCodec.lease(record));
        }
        return keyValue.build();
    }
}
