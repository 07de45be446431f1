package io.lattice.statemachine.lease;

import com.google.protobuf.ByteString;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.mvcc.RecordCodec;
import io.lattice.statemachine.storage.Cursor;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Reads leases from a view, as of the log entry that it shows. The caller keeps the view open. Any thread.
public final class LeaseReader {
    private final ReadView view;
    private final int keyspace;

    /// Reads the leases of one keyspace.
    public LeaseReader(ReadView view, int keyspace) {
        this.view = view;
        this.keyspace = keyspace;
    }

    /// A lease as it stands.
    ///
    /// @param grantedSeconds its TTL
    /// @param remainingSeconds what is left of that, rounded down; 0 for one that has ended and is about to be revoked
    public record Status(long grantedSeconds, long remainingSeconds) {}

    /// A lease, or null if it doesn't exist.
    public @Nullable Status find(long lease) {
        byte[] stored = view.stored().get(Family.LEASES, KeyCodec.lease(keyspace, lease));
        if (stored == null) {
            return null;
        }
        LeaseRecord record = LeaseRecord.decode(stored);
        long remainingMs = Math.max(0, record.deadlineMs() - view.leaseClock().nowMs());
        // The deadline holds an allowance beyond the TTL.
        long remaining =
                Math.min(record.ttlSeconds(), TimeUnit.MILLISECONDS.toSeconds(remainingMs));
        return new Status(record.ttlSeconds(), remaining);
    }

    /// The keys that go with a lease, in order; none if it doesn't exist.
    public List<ByteString> keys(long lease) {
        List<ByteString> keys = new ArrayList<>();
        byte[] lower = KeyCodec.lease(keyspace, lease);
        if (view.stored().get(Family.LEASES, lower) == null) {
            // What is stored may be keys of a lease of that id that was revoked.
            return keys;
        }
        byte[] upper = KeyCodec.leaseKeysEnd(keyspace, lease);
        try (Cursor stored = view.stored().cursor(Family.LEASE_KEYS, lower, upper)) {
            while (stored.valid()) {
                keys.add(RecordCodec.userKey(KeyCodec.currentOfLeaseKey(stored.key())));
                stored.next();
            }
        }
        return keys;
    }

    /// The ids of all leases, those that end first in front.
    public List<Long> ids() {
        List<Listed> leases = new ArrayList<>();
        byte[] lower = KeyCodec.keyspaceStart(keyspace);
        byte[] upper = KeyCodec.keyspaceEnd(keyspace);
        try (Cursor stored = view.stored().cursor(Family.LEASES, lower, upper)) {
            while (stored.valid()) {
                LeaseRecord record = LeaseRecord.decode(stored.value());
                leases.add(new Listed(KeyCodec.leaseOf(stored.key()), record.deadlineMs()));
                stored.next();
            }
        }
        leases.sort(Comparator.comparingLong(Listed::deadlineMs).thenComparingLong(Listed::id));
        return leases.stream().map(Listed::id).toList();
    }

    private record Listed(long id, long deadlineMs) {}
}
