package io.lattice.statemachine.query;

import io.lattice.proto.etcdserverpb.HashKVResponse;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.proto.mvccpb.KeyValue;
import io.lattice.statemachine.mvcc.KeyRange;
import io.lattice.statemachine.mvcc.KeyReader;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.mvcc.RecordCodec;
import io.lattice.statemachine.mvcc.Revision;
import io.lattice.statemachine.storage.KeyCodec;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/// etcd's HashKV, byte for byte: the CRC-32C of "key", then of every record up to the revision in revision order, each as etcd
/// stores it: an 18-byte or 17-byte revision key (main, '_', sub, 't' on a tombstone) and the marshalled KeyValue.
///
/// Of the records at or below the compact revision those count that are live at the hashed revision; if no key lives there,
/// those that were live at the compact revision, which is what a finished compaction leaves in etcd. A tombstone exactly at the
/// compact revision never counts.
final class KeyspaceHash {
    private static final int KEY_BYTES = 17;
    private static final int SUB_AT = 9;
    private static final byte[] SEED = "key".getBytes(StandardCharsets.UTF_8);

    private final KeyReader reader;
    private final long compactRevision;

    /// Records at or below the compact revision count if they live at this revision.
    private final long liveAt;

    private final CRC32C crc = new CRC32C();

    private KeyspaceHash(KeyReader reader, long revision) {
        this.reader = reader;
        this.compactRevision = reader.compactRevision();
        this.liveAt = anyKeyLives(reader, revision) ? revision : compactRevision;
    }

    static HashKVResponse compute(ReadView view, int keyspace, long requested) {
        KeyReader reader = view.keyspace(keyspace);
        long revision = requested == 0 ? reader.revision() : requested;
        KeyspaceHash hash = new KeyspaceHash(reader, revision);
        hash.crc.update(SEED);
        if (revision > 0) {
            view.scanChanges(keyspace, 0, revision, hash::add);
        }
        return HashKVResponse.newBuilder()
                .setHeader(ResponseHeader.newBuilder().setRevision(reader.revision()))
                .setHash((int) hash.crc.getValue())
                .setCompactRevision(reader.compactRevision())
                .setHashRevision(revision)
                .build();
    }

    private static boolean anyKeyLives(KeyReader reader, long revision) {
        if (revision <= 0) {
            // Before the first write, and not to be looked up once that is compacted away.
            return false;
        }
        boolean[] any = {false};
        reader.scan(
                KeyRange.all(reader.keyspace()),
                revision,
                (key, record) -> {
                    any[0] = true;
                    return false;
                });
        return any[0];
    }

    private boolean add(Revision revision, byte[] key, byte[] record) {
        boolean deletion = RecordCodec.isTombstone(record);
        if (revision.main() <= compactRevision && (deletion || !isLive(revision, key))) {
            return true;
        }
        addRevision(revision, deletion);
        KeyValue stored =
                deletion
                        ? KeyValue.newBuilder().setKey(RecordCodec.userKey(key)).build()
                        : RecordCodec.toKeyValue(key, record);
        crc.update(stored.toByteArray());
        return true;
    }

    private boolean isLive(Revision revision, byte[] key) {
        byte @Nullable [] live = reader.get(key, liveAt);
        return live != null
                && RecordCodec.modRevision(live) == revision.main()
                && RecordCodec.modSub(live) == revision.sub();
    }

    private void addRevision(Revision revision, boolean deletion) {
        byte[] bytes = new byte[deletion ? KEY_BYTES + 1 : KEY_BYTES];
        KeyCodec.putLong(bytes, 0, revision.main());
        bytes[Long.BYTES] = '_';
        KeyCodec.putLong(bytes, SUB_AT, revision.sub());
        if (deletion) {
            bytes[KEY_BYTES] = 't';
        }
        crc.update(bytes);
    }
}
