package io.lattice.statemachine.lease;

import java.util.Comparator;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/// Finds the leases whose time is up, earliest deadline first and then by id: the same order on every replica.
///
/// A renewal, the most frequent thing to happen to a lease, doesn't touch the queue. It keeps a lease by the deadline that it
/// had when it was queued, and queues it anew when that comes and the lease has been renewed since. A revoked lease stays until
/// it comes up or too many of them have gathered. Apply thread only.
final class ExpiryQueue {
    /// So many revoked leases may stay, however few others there are.
    private static final int REVOKED_MAX = 1_024;

    private final PriorityQueue<Lease> leases =
            new PriorityQueue<>(
                    Comparator.<Lease>comparingLong(lease -> lease.queuedMs)
                            .thenComparing(Lease::id));
    private int revoked;

    void add(Lease lease) {
        lease.queuedMs = lease.deadlineMs();
        leases.add(lease);
    }

    /// The first lease whose deadline isn't after `nowMs`, or null.
    @Nullable Lease firstExpired(long nowMs) {
        for (Lease first = leases.peek(); first != null; first = leases.peek()) {
            if (first.isRevoked()) {
                leases.remove();
                revoked--;
            } else if (first.queuedMs > nowMs) {
                return null;
            } else if (first.queuedMs == first.deadlineMs()) {
                return first;
            } else {
                leases.remove();
                add(first);
            }
        }
        return null;
    }

    /// A queued lease was marked as revoked.
    void noteRevoked() {
        revoked++;
        if (revoked > REVOKED_MAX && revoked > leases.size() / 2) {
            leases.removeIf(Lease::isRevoked);
            revoked = 0;
        }
    }
}
