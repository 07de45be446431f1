package io.lattice.statemachine.apply;

import io.lattice.proto.command.LeaseRenew;
import io.lattice.proto.command.LeaseRenewed;
import io.lattice.proto.command.LeaseTick;
import io.lattice.proto.command.LeaseTicked;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.LeaseGrantResponse;
import io.lattice.proto.etcdserverpb.LeaseRevokeRequest;
import io.lattice.proto.etcdserverpb.LeaseRevokeResponse;
import io.lattice.statemachine.lease.Lessor;
import io.lattice.statemachine.mvcc.EntryBatch;
import org.jspecify.annotations.Nullable;

/// The commands about leases. Apply thread only.
final class LeaseOperations {
    private final Lessor lessor;

    LeaseOperations(Lessor lessor) {
        this.lessor = lessor;
    }

    /// Makes a lease.
    Outcome grant(EntryBatch batch, int keyspace, LeaseGrantRequest request) {
        if (request.getID() == 0) {
            // Lease 0 means none. The gateway has chosen an id, so nobody sees this.
            return new Outcome.Refused(Refusal.LEASE_NOT_FOUND);
        }
        if (!lessor.grant(batch, keyspace, request.getID(), request.getTTL())) {
            return new Outcome.Refused(Refusal.LEASE_EXISTS);
        }
        long revision = batch.keyspace(keyspace).revision();
        LeaseGrantResponse response =
                LeaseGrantResponse.newBuilder()
                        .setHeader(KeyOperations.header(revision))
                        .setID(request.getID())
                        .setTTL(request.getTTL())
                        .build();
        return new Outcome.Applied(response, revision);
    }

    /// Ends a lease and deletes its keys.
    Outcome revoke(EntryBatch batch, int keyspace, LeaseRevokeRequest request) {
        if (!lessor.revoke(batch, keyspace, request.getID())) {
            return new Outcome.Refused(Refusal.LEASE_NOT_FOUND);
        }
        long revision = batch.keyspace(keyspace).revision();
        LeaseRevokeResponse response =
                LeaseRevokeResponse.newBuilder().setHeader(KeyOperations.header(revision)).build();
        return new Outcome.Applied(response, revision);
    }

    /// Renews leases.
    @Nullable Outcome renew(
            EntryBatch batch, int keyspace, LeaseRenew request, boolean wantsOutcome) {
        LeaseRenewed.Builder renewed = wantsOutcome ? LeaseRenewed.newBuilder() : null;
        for (int i = 0; i < request.getIdsCount(); i++) {
            long ttl = lessor.renew(batch, keyspace, request.getIds(i));
            if (renewed != null) {
                renewed.addTtls(ttl);
            }
        }
        return renewed == null
                ? null
                : new Outcome.Applied(renewed.build(), batch.keyspace(keyspace).revision());
    }

    /// Moves the time.
    Outcome tick(EntryBatch batch, LeaseTick tick, long term) {
        LeaseTicked.Builder ticked = LeaseTicked.newBuilder();
        if (lessor.tick(batch, tick, term)) {
            ticked.setCounted(true).setMore(lessor.hasExpired(batch.leaseClock()));
        }
        ticked.setDraining(!batch.drains().isEmpty());
        return new Outcome.Applied(ticked.build(), 0);
    }
}
