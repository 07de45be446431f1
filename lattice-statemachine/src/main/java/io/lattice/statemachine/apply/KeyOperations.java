package io.lattice.statemachine.apply;

import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.DeleteRangeResponse;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.PutResponse;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.statemachine.mvcc.KeyRange;
import io.lattice.statemachine.mvcc.KeyReader;
import io.lattice.statemachine.mvcc.RecordCodec;
import io.lattice.statemachine.mvcc.RecordSink;
import io.lattice.statemachine.mvcc.WriteTxn;
import io.lattice.statemachine.storage.KeyCodec;
import org.jspecify.annotations.Nullable;

/// Puts and deletes, alone or inside a transaction. Responses are built only if someone wants them.
final class KeyOperations {
    private KeyOperations() {}

    /// What a put would be refused for in the state that the reader sees: first the lease, then the missing key.
    static @Nullable Refusal check(KeyReader reader, PutRequest request, LeaseLookup leases) {
        if (request.getLease() != 0 && !leases.exists(reader.keyspace(), request.getLease())) {
            return Refusal.LEASE_NOT_FOUND;
        }
        if (!request.getIgnoreValue() && !request.getIgnoreLease()) {
            return null;
        }
        byte[] key = KeyCodec.current(reader.keyspace(), request.getKey());
        return reader.header(key) == null ? Refusal.KEY_NOT_FOUND : null;
    }

    /// Puts a key. Refuses, without a change, only an `ignore_*` whose key is missing.
    static @Nullable Refusal put(
            WriteTxn txn, PutRequest request, PutResponse.@Nullable Builder response) {
        byte[] key = KeyCodec.current(txn.keyspace(), request.getKey());
        boolean ignores = request.getIgnoreValue() || request.getIgnoreLease();
        byte[] previous = ignores || request.getPrevKv() ? txn.get(key, txn.revision()) : null;
        if (ignores && previous == null) {
            return Refusal.KEY_NOT_FOUND;
        }
        long lease =
                request.getIgnoreLease() && previous != null
                        ? RecordCodec.lease(previous)
                        : request.getLease();
        if (request.getIgnoreValue()) {
            txn.putUnchangedValue(key, lease);
        } else {
            txn.put(key, request.getValue(), lease);
        }
        if (response != null) {
            response.setHeader(header(txn.revision()));
            if (request.getPrevKv() && previous != null) {
                response.setPrevKv(RecordCodec.toKeyValue(key, previous));
            }
        }
        return null;
    }

    /// Deletes a key or a range.
    static void delete(
            WriteTxn txn,
            DeleteRangeRequest request,
            DeleteRangeResponse.@Nullable Builder response) {
        KeyRange range = KeyRange.of(txn.keyspace(), request.getKey(), request.getRangeEnd());
        long deleted =
                txn.delete(
                        range, response != null && request.getPrevKv() ? collect(response) : null);
        if (response != null) {
            response.setHeader(header(txn.revision())).setDeleted(deleted);
        }
    }

    private static RecordSink collect(DeleteRangeResponse.Builder response) {
        return (key, record) -> {
            response.addPrevKvs(RecordCodec.toKeyValue(key, record));
            return true;
        };
    }

    /// A header with nothing but a revision.
    static ResponseHeader header(long revision) {
        return ResponseHeader.newBuilder().setRevision(revision).build();
    }
}
