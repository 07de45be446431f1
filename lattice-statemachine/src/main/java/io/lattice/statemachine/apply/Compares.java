package io.lattice.statemachine.apply;

import com.google.protobuf.ByteString;
import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.Compare.CompareTarget;
import io.lattice.statemachine.mvcc.KeyRange;
import io.lattice.statemachine.mvcc.KeyReader;
import io.lattice.statemachine.mvcc.RecordCodec;
import io.lattice.statemachine.storage.KeyCodec;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Evaluates the compares of a transaction. A compare over a range holds if it holds for every key there. On a missing key, and
/// on a range without keys, a value compare never holds, not even NOT_EQUAL, and any other target counts as zero.
final class Compares {
    private static final Comparator<ByteString> BYTES =
            ByteString.unsignedLexicographicalComparator();

    private Compares() {}

    static boolean allHold(KeyReader reader, List<Compare> compares) {
        for (Compare compare : compares) {
            if (!holds(reader, compare)) {
                return false;
            }
        }
        return true;
    }

    private static boolean holds(KeyReader reader, Compare compare) {
        if (compare.getRangeEnd().isEmpty()) {
            byte[] key = KeyCodec.current(reader.keyspace(), compare.getKey());
            byte[] record =
                    compare.getTarget() == CompareTarget.VALUE
                            ? reader.get(key, reader.revision())
                            : reader.header(key);
            return holdsFor(compare, record);
        }
        KeyRange range = KeyRange.of(reader.keyspace(), compare.getKey(), compare.getRangeEnd());
        boolean[] state = {false, true};
        reader.scan(
                range,
                reader.revision(),
                (key, record) -> {
                    state[0] = true;
                    state[1] = holdsFor(compare, record);
                    return state[1];
                });
        return state[0] ? state[1] : holdsFor(compare, null);
    }

    private static boolean holdsFor(Compare compare, byte @Nullable [] record) {
        if (record == null && compare.getTarget() == CompareTarget.VALUE) {
            return false;
        }
        int order = order(compare, record);
        return switch (compare.getResult()) {
            case EQUAL -> order == 0;
            case NOT_EQUAL -> order != 0;
            case GREATER -> order > 0;
            case LESS -> order < 0;
            // etcd lets a result it does not know hold.
            case UNRECOGNIZED -> true;
        };
    }

    private static int order(Compare compare, byte @Nullable [] record) {
        return switch (compare.getTarget()) {
            case VALUE ->
                    BYTES.compare(
                            record == null ? ByteString.EMPTY : RecordCodec.value(record),
                            compare.getValue());
            case VERSION ->
                    Long.compare(
                            record == null ? 0 : RecordCodec.version(record), compare.getVersion());
            case CREATE ->
                    Long.compare(
                            record == null ? 0 : RecordCodec.createRevision(record),
                            compare.getCreateRevision());
            case MOD ->
                    Long.compare(
                            record == null ? 0 : RecordCodec.modRevision(record),
                            compare.getModRevision());
            case LEASE ->
                    Long.compare(
                            record == null ? 0 : RecordCodec.lease(record), compare.getLease());
            case UNRECOGNIZED -> 0;
        };
    }
}
