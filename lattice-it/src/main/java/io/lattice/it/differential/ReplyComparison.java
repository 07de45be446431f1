package io.lattice.it.differential;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.lattice.proto.etcdserverpb.LeaseLeasesResponse;
import io.lattice.proto.etcdserverpb.LeaseStatus;
import io.lattice.proto.etcdserverpb.LeaseTimeToLiveResponse;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeRequest.SortTarget;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.RangeStreamResponse;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.proto.etcdserverpb.ResponseOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.TxnResponse;
import io.lattice.proto.mvccpb.KeyValue;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Judges whether two stores answered alike.
///
/// Everything has to be equal except what names the server (cluster id, member id and term count only as
/// zero or not), the order of keys that a sort ranks equally (etcd's sort is not stable), which of those
/// keys a limit cuts, where a stream is cut into chunks after the first, up to two seconds of a lease's
/// remaining time, and the order of a lease's keys and of leases.
final class ReplyComparison {
    private static final long MAX_TTL_DIFFERENCE_SECONDS = 2;

    private ReplyComparison() {}

    /// Null if the replies agree, else the first difference.
    static @Nullable String difference(Message request, Reply expected, Reply actual) {
        if (expected.code() != actual.code() || !expected.text().equals(actual.text())) {
            return "status: %s \"%s\" instead of %s \"%s\""
                    .formatted(actual.code(), actual.text(), expected.code(), expected.text());
        }
        if (!expected.isOk()) {
            return null;
        }
        if (!expected.messages().isEmpty()
                && expected.messages().get(0) instanceof RangeStreamResponse) {
            return inStream(chunks(expected), chunks(actual));
        }
        return inMessage(
                "response", request, anonymous(expected.single()), anonymous(actual.single()));
    }

    private static @Nullable String inMessage(
            String path, Message request, Message expected, Message actual) {
        if (request instanceof RangeRequest range
                && expected instanceof RangeResponse left
                && actual instanceof RangeResponse right) {
            return inRange(path, range, left, right);
        }
        if (request instanceof TxnRequest txn
                && expected instanceof TxnResponse left
                && actual instanceof TxnResponse right) {
            return inTxn(path, txn, left, right);
        }
        if (expected instanceof LeaseTimeToLiveResponse left
                && actual instanceof LeaseTimeToLiveResponse right) {
            return MessageDifference.between(path, sorted(left), sorted(withTtlNear(left, right)));
        }
        if (expected instanceof LeaseLeasesResponse left
                && actual instanceof LeaseLeasesResponse right) {
            return MessageDifference.between(path, sorted(left), sorted(right));
        }
        return MessageDifference.between(path, expected, actual);
    }

    /// `actual` with the remaining time of `expected` if it is nearly that.
    private static LeaseTimeToLiveResponse withTtlNear(
            LeaseTimeToLiveResponse expected, LeaseTimeToLiveResponse actual) {
        boolean near =
                expected.getTTL() >= 0
                        && actual.getTTL() >= 0
                        && actual.getTTL() <= actual.getGrantedTTL()
                        && Math.abs(expected.getTTL() - actual.getTTL())
                                <= MAX_TTL_DIFFERENCE_SECONDS;
        return near ? actual.toBuilder().setTTL(expected.getTTL()).build() : actual;
    }

    private static LeaseTimeToLiveResponse sorted(LeaseTimeToLiveResponse response) {
        List<ByteString> keys = new ArrayList<>(response.getKeysList());
        keys.sort(ByteString.unsignedLexicographicalComparator());
        return response.toBuilder().clearKeys().addAllKeys(keys).build();
    }

    private static LeaseLeasesResponse sorted(LeaseLeasesResponse response) {
        List<LeaseStatus> leases = new ArrayList<>(response.getLeasesList());
        leases.sort(Comparator.comparingLong(LeaseStatus::getID));
        return response.toBuilder().clearLeases().addAllLeases(leases).build();
    }

    private static @Nullable String inTxn(
            String path, TxnRequest request, TxnResponse expected, TxnResponse actual) {
        String outside =
                MessageDifference.between(
                        path,
                        expected.toBuilder().clearResponses().build(),
                        actual.toBuilder().clearResponses().build());
        if (outside != null) {
            return outside;
        }
        List<RequestOp> ops =
                expected.getSucceeded() ? request.getSuccessList() : request.getFailureList();
        if (expected.getResponsesCount() != actual.getResponsesCount()) {
            return "%s.responses: %d elements instead of %d"
                    .formatted(path, actual.getResponsesCount(), expected.getResponsesCount());
        }
        for (int i = 0; i < expected.getResponsesCount(); i++) {
            String found =
                    inOp(
                            "%s.responses[%d]".formatted(path, i),
                            ops.get(i),
                            expected.getResponses(i),
                            actual.getResponses(i));
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    private static @Nullable String inOp(
            String path, RequestOp request, ResponseOp expected, ResponseOp actual) {
        if (expected.hasResponseRange() && actual.hasResponseRange()) {
            return inRange(
                    path,
                    request.getRequestRange(),
                    expected.getResponseRange(),
                    actual.getResponseRange());
        }
        if (expected.hasResponseTxn() && actual.hasResponseTxn()) {
            return inTxn(
                    path,
                    request.getRequestTxn(),
                    expected.getResponseTxn(),
                    actual.getResponseTxn());
        }
        return MessageDifference.between(path, expected, actual);
    }

    private static @Nullable String inRange(
            String path, RangeRequest request, RangeResponse expected, RangeResponse actual) {
        if (request.getSortTarget() == SortTarget.KEY
                || expected.getKvsCount() != actual.getKvsCount()) {
            return MessageDifference.between(path, expected, actual);
        }
        String outside =
                MessageDifference.between(
                        path,
                        expected.toBuilder().clearKvs().build(),
                        actual.toBuilder().clearKvs().build());
        return outside != null
                ? outside
                : inRankedKeys(path, request, expected.getKvsList(), actual.getKvsList());
    }

    /// Compares run by run: keys of one rank form a set. Of the last run a limit may have kept any.
    private static @Nullable String inRankedKeys(
            String path, RangeRequest request, List<KeyValue> expected, List<KeyValue> actual) {
        int start = 0;
        while (start < expected.size()) {
            Object rank = rank(request, expected.get(start));
            int end = start;
            while (end < expected.size() && rank(request, expected.get(end)).equals(rank)) {
                end++;
            }
            for (int i = start; i < end; i++) {
                Object other = rank(request, actual.get(i));
                if (!other.equals(rank)) {
                    return "%s.kvs[%d]: ranked by %s instead of %s".formatted(path, i, other, rank);
                }
            }
            boolean cut = end == expected.size() && request.getLimit() == expected.size();
            List<KeyValue> left = expected.subList(start, end);
            List<KeyValue> right = actual.subList(start, end);
            if (new HashSet<>(right).size() != right.size()) {
                return "%s.kvs[%d..%d]: a key twice in %s".formatted(path, start, end, right);
            }
            if (!cut && !new HashSet<>(left).equals(new HashSet<>(right))) {
                return "%s.kvs[%d..%d]: %s instead of %s".formatted(path, start, end, right, left);
            }
            start = end;
        }
        return null;
    }

    private static Object rank(RangeRequest request, KeyValue kv) {
        return switch (request.getSortTarget()) {
            case KEY -> kv.getKey();
            case VERSION -> kv.getVersion();
            case CREATE -> kv.getCreateRevision();
            case MOD -> kv.getModRevision();
            // With keys_only the value that was sorted by is not in the answer.
            case VALUE -> request.getKeysOnly() ? ByteString.EMPTY : kv.getValue();
            case UNRECOGNIZED -> ByteString.EMPTY;
        };
    }

    private static List<RangeResponse> chunks(Reply reply) {
        List<RangeResponse> chunks = new ArrayList<>();
        for (Message message : reply.messages()) {
            chunks.add(
                    (RangeResponse) anonymous(((RangeStreamResponse) message).getRangeResponse()));
        }
        return chunks;
    }

    private static @Nullable String inStream(
            List<RangeResponse> expected, List<RangeResponse> actual) {
        if (actual.isEmpty()) {
            return "stream: no chunk instead of " + expected.size();
        }
        String first = chunkSize(expected.get(0), actual.get(0));
        if (first != null) {
            return first;
        }
        for (int i = 0; i + 1 < actual.size(); i++) {
            RangeResponse chunk = actual.get(i);
            if (chunk.hasHeader() || chunk.getMore() || chunk.getCount() != 0) {
                return "stream.chunk[%d]: only the last chunk has header, more and count"
                        .formatted(i);
            }
        }
        return MessageDifference.between("stream", merge(expected), merge(actual));
    }

    private static @Nullable String chunkSize(RangeResponse expected, RangeResponse actual) {
        return expected.getKvsCount() == actual.getKvsCount()
                ? null
                : "stream.chunk[0].kvs: %d elements instead of %d"
                        .formatted(actual.getKvsCount(), expected.getKvsCount());
    }

    private static RangeResponse merge(List<RangeResponse> chunks) {
        RangeResponse.Builder merged = chunks.get(chunks.size() - 1).toBuilder().clearKvs();
        chunks.forEach(chunk -> merged.addAllKvs(chunk.getKvsList()));
        return merged.build();
    }

    /// `message` with what names the server reduced to zero or one in every header.
    private static Message anonymous(Message message) {
        if (message instanceof ResponseHeader header) {
            return header.toBuilder()
                    .setClusterId(zeroOrOne(header.getClusterId()))
                    .setMemberId(zeroOrOne(header.getMemberId()))
                    .setRaftTerm(zeroOrOne(header.getRaftTerm()))
                    .build();
        }
        Message.Builder builder = message.toBuilder();
        for (Map.Entry<FieldDescriptor, Object> field : message.getAllFields().entrySet()) {
            FieldDescriptor descriptor = field.getKey();
            if (descriptor.getJavaType() != FieldDescriptor.JavaType.MESSAGE) {
                continue;
            }
            if (descriptor.isRepeated()) {
                List<?> values = (List<?>) field.getValue();
                for (int i = 0; i < values.size(); i++) {
                    builder.setRepeatedField(descriptor, i, anonymous((Message) values.get(i)));
                }
            } else {
                builder.setField(descriptor, anonymous((Message) field.getValue()));
            }
        }
        return builder.build();
    }

    private static long zeroOrOne(long value) {
        return value == 0 ? 0 : 1;
    }
}
