package io.lattice.statemachine.query;

import com.google.protobuf.ByteString;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeRequest.SortTarget;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.statemachine.mvcc.KeyReader;
import io.lattice.statemachine.mvcc.RangeReader;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/// The chunks of one RangeStream. The first holds 10 keys; the number then doubles or halves while chunks come out smaller
/// than half or larger than twice the size aimed at, as in etcd. All are read from one view, so the revision stands still.
///
/// A sort target with order NONE passes etcd's check and sorts within a chunk. That is kept for an answer of one chunk; for a
/// longer one etcd loses its place and may never end, so there keys come in key order.
final class RangeChunks implements Iterator<RangeResponse> {
    private static final long FIRST_CHUNK_KEYS = 10;
    private static final ByteString ZERO = ByteString.copyFrom(new byte[] {0});

    private final KeyReader reader;
    private final long totalLimit;
    private final int chunkBytes;
    private @Nullable RangeRequest next;
    private long sent;

    RangeChunks(KeyReader reader, RangeRequest request, int chunkBytes) {
        this.reader = reader;
        this.chunkBytes = chunkBytes;
        this.totalLimit = request.getLimit() == 0 ? Long.MAX_VALUE : request.getLimit();
        this.next = request.toBuilder().setLimit(Math.min(FIRST_CHUNK_KEYS, totalLimit)).build();
    }

    @Override
    public boolean hasNext() {
        return next != null;
    }

    @Override
    public RangeResponse next() {
        RangeRequest request = next;
        if (request == null) {
            throw new NoSuchElementException("the last chunk was taken");
        }
        if (request.getCountOnly()) {
            next = null;
            return RangeReader.read(reader, request);
        }
        RangeResponse chunk = RangeReader.readUncounted(reader, request);
        sent += chunk.getKvsCount();
        if (!chunk.getMore() || sent == totalLimit) {
            next = null;
            return last(request, chunk);
        }
        if (request.getSortTarget() != SortTarget.KEY) {
            next = request.toBuilder().clearSortTarget().build();
            sent -= chunk.getKvsCount();
            return next();
        }
        long keys = adjust(request.getLimit(), chunk.getSerializedSize());
        next =
                request.toBuilder()
                        .setKey(behindLast(chunk))
                        .setLimit(Math.min(keys, totalLimit - sent))
                        .build();
        return chunk.toBuilder().clearHeader().clearMore().clearCount().build();
    }

    private RangeResponse last(RangeRequest request, RangeResponse chunk) {
        long count = sent;
        if (chunk.getMore()) {
            count +=
                    RangeReader.count(
                            reader, request.toBuilder().setKey(behindLast(chunk)).build());
        }
        return chunk.toBuilder().setCount(count).build();
    }

    private static ByteString behindLast(RangeResponse chunk) {
        return chunk.getKvs(chunk.getKvsCount() - 1).getKey().concat(ZERO);
    }

    private long adjust(long keys, int bytes) {
        if (bytes < chunkBytes / 2) {
            return keys * 2;
        }
        return bytes > chunkBytes * 2L ? Math.max(1, keys / 2) : keys;
    }
}
