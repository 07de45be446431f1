package io.lattice.gateway.grpc;

import com.google.protobuf.ByteString;
import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.mvccpb.Event;
import io.lattice.proto.mvccpb.KeyValue;
import org.jspecify.annotations.Nullable;

/// Those who wait for a lock or to lead, in the order in which they came: keys "name/lease" by their create revision, as in
/// etcd's client, so that both may wait in one line. The first one holds the lock or leads.
///
/// @param prefix of all keys in it
record Line(ByteString prefix) {
    static Line of(ByteString name) {
        return new Line(name.concat(ByteString.copyFromUtf8("/")));
    }

    /// The key of a lease's place. In Go's hexadecimal digits, with a sign.
    ByteString key(long lease) {
        String digits = lease < 0 ? "-" + Long.toHexString(-lease) : Long.toHexString(lease);
        return prefix.concat(ByteString.copyFromUtf8(digits));
    }

    private ByteString end() {
        // The prefix ends with a slash, so its last byte can be raised.
        byte[] end = prefix.toByteArray();
        end[end.length - 1]++;
        return ByteString.copyFrom(end);
    }

    /// A read of the first one.
    RangeRequest.Builder first() {
        return RangeRequest.newBuilder()
                .setKey(prefix)
                .setRangeEnd(end())
                .setLimit(1)
                .setSortTarget(RangeRequest.SortTarget.CREATE)
                .setSortOrder(RangeRequest.SortOrder.ASCEND);
    }

    /// Waits until nobody is left who came at or before a revision.
    void awaitTurn(TenantCalls calls, long lastBefore) throws InterruptedException {
        RangeRequest lastOfThem =
                first().setSortOrder(RangeRequest.SortOrder.DESCEND)
                        .setMaxCreateRevision(lastBefore)
                        .build();
        // Zero is no bound; and nobody can have come then.
        while (lastBefore > 0) {
            RangeResponse found = calls.range(lastOfThem);
            if (found.getKvsCount() == 0) {
                return;
            }
            awaitDeletion(calls, found.getKvs(0).getKey(), found.getHeader().getRevision());
        }
    }

    /// @param revision from here on it is looked for
    private static void awaitDeletion(TenantCalls calls, ByteString key, long revision)
            throws InterruptedException {
        try (KeyEvents events = calls.watch(key, ByteString.EMPTY, revision)) {
            while (true) {
                for (KeyEvents.Batch batch : events.next()) {
                    if (batch.events().stream()
                            .anyMatch(e -> e.getType() == Event.EventType.DELETE)) {
                        return;
                    }
                }
            }
        }
    }

    /// Waits for the first put to a key of the line.
    ///
    /// @param revision from here on it is looked for
    KeyValue awaitPut(TenantCalls calls, long revision) throws InterruptedException {
        try (KeyEvents events = calls.watch(prefix, end(), revision)) {
            while (true) {
                for (KeyEvents.Batch batch : events.next()) {
                    KeyValue put = firstPut(batch);
                    if (put != null) {
                        return put;
                    }
                }
            }
        }
    }

    private static @Nullable KeyValue firstPut(KeyEvents.Batch batch) {
        for (Event event : batch.events()) {
            if (event.getType() == Event.EventType.PUT) {
                return event.getKv();
            }
        }
        return null;
    }

    /// True of a key as it was when it was created at this revision; at 0, of one that doesn't exist.
    static Compare createdAt(ByteString key, long revision) {
        return Compare.newBuilder()
                .setKey(key)
                .setTarget(Compare.CompareTarget.CREATE)
                .setResult(Compare.CompareResult.EQUAL)
                .setCreateRevision(revision)
                .build();
    }

    static RequestOp put(ByteString key, ByteString value, long lease) {
        return RequestOp.newBuilder()
                .setRequestPut(PutRequest.newBuilder().setKey(key).setValue(value).setLease(lease))
                .build();
    }

    static RequestOp get(RangeRequest.Builder read) {
        return RequestOp.newBuilder().setRequestRange(read).build();
    }

    static RequestOp get(ByteString key) {
        return get(RangeRequest.newBuilder().setKey(key));
    }
}
