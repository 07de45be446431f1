package io.lattice.statemachine.query;

import io.lattice.proto.etcdserverpb.HashKVResponse;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.TxnResponse;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.apply.Refusal;
import io.lattice.statemachine.apply.RefusalException;
import io.lattice.statemachine.apply.TxnExecutor;
import io.lattice.statemachine.mvcc.KeyReader;
import io.lattice.statemachine.mvcc.RangeReader;
import io.lattice.statemachine.mvcc.ReadView;
import java.util.Iterator;

/// Answers read requests from one view. The caller has checked them with [RequestChecks] and keeps the view open until the
/// answer, or the last chunk, is there. Responses carry revisions only in their headers.
public final class QueryExecutor {
    private final ReadView view;

    /// Reads from `view`, which the caller closes.
    public QueryExecutor(ReadView view) {
        this.view = view;
    }

    /// Answers a Range.
    ///
    /// @throws RefusalException if the revision is compacted or in the future
    public RangeResponse range(int keyspace, RangeRequest request) {
        KeyReader reader = view.keyspace(keyspace);
        requireReadable(reader, request.getRevision());
        return RangeReader.read(reader, request);
    }

    /// Answers a RangeStream chunk by chunk, each made when it is asked for. Header, `more` and `count` are on the last one.
    ///
    /// @param chunkBytes the size that chunks aim at
    /// @throws RefusalException if the revision is compacted or in the future
    public Iterator<RangeResponse> rangeStream(int keyspace, RangeRequest request, int chunkBytes) {
        KeyReader reader = view.keyspace(keyspace);
        requireReadable(reader, request.getRevision());
        return new RangeChunks(reader, request, chunkBytes);
    }

    /// Answers a transaction that only reads, see [RequestChecks#isReadOnly(TxnRequest)].
    ///
    /// @throws RefusalException if a revision on the taken path is compacted or in the future
    public TxnResponse readOnlyTxn(int keyspace, TxnRequest request) {
        return switch (TxnExecutor.read(view.keyspace(keyspace), request)) {
            case Outcome.Applied(var response, _) -> (TxnResponse) response;
            case Outcome.Refused(var refusal) -> throw new RefusalException(refusal);
        };
    }

    /// Answers a HashKV; revision 0 stands for the newest; a negative one has no records.
    ///
    /// @throws RefusalException if the revision is compacted or in the future
    public HashKVResponse hashKv(int keyspace, long revision) {
        requireReadable(view.keyspace(keyspace), revision);
        return KeyspaceHash.compute(view, keyspace, revision);
    }

    private static void requireReadable(KeyReader reader, long revision) {
        if (revision > reader.revision()) {
            throw new RefusalException(Refusal.FUTURE_REVISION);
        }
        if (revision > 0 && revision < reader.compactRevision()) {
            throw new RefusalException(Refusal.COMPACTED);
        }
    }
}
