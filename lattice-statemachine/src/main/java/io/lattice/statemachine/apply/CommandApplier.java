package io.lattice.statemachine.apply;

import io.lattice.proto.command.Command;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.CompactionResponse;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.DeleteRangeResponse;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.PutResponse;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.statemachine.lease.Drainer;
import io.lattice.statemachine.lease.Lessor;
import io.lattice.statemachine.mvcc.EntryBatch;
import io.lattice.statemachine.mvcc.Keyspace;
import io.lattice.statemachine.mvcc.WriteTxn;
import org.jspecify.annotations.Nullable;

/// Applies one command to the batch of its log entry. Apply thread only.
final class CommandApplier {
    private final LeaseLookup leases;
    private final LeaseOperations leaseOperations;
    private final Drainer drainer;

    CommandApplier(Lessor lessor) {
        this.leases = lessor::exists;
        this.leaseOperations = new LeaseOperations(lessor);
        this.drainer = lessor.drainer();
    }

    /// Applies a command and returns what became of it; a null answer means that nobody wants to know.
    ///
    /// @param term of the log entry that it is in
    @Nullable Outcome apply(EntryBatch batch, Command command, long term, boolean wantsOutcome) {
        int keyspace = command.getKeyspace();
        Refusal forbidden = AlarmOperations.refusal(batch.keyspace(keyspace).alarms(), command);
        if (forbidden != null) {
            return new Outcome.Refused(forbidden);
        }
        if (!batch.drains().isEmpty()) {
            finishDrains(batch, command);
        }
        return switch (command.getOperationCase()) {
            case PUT -> put(batch.begin(keyspace), command.getPut(), wantsOutcome);
            case DELETE_RANGE ->
                    delete(batch.begin(keyspace), command.getDeleteRange(), wantsOutcome);
            case TXN -> txn(batch.begin(keyspace), command.getTxn(), wantsOutcome);
            case COMPACT -> compact(batch, keyspace, command.getCompact());
            case LEASE_GRANT -> leaseOperations.grant(batch, keyspace, command.getLeaseGrant());
            case LEASE_REVOKE -> leaseOperations.revoke(batch, keyspace, command.getLeaseRevoke());
            case LEASE_RENEW ->
                    leaseOperations.renew(batch, keyspace, command.getLeaseRenew(), wantsOutcome);
            case ALARM -> AlarmOperations.apply(batch, keyspace, command.getAlarm());
            case LEASE_TICK -> leaseOperations.tick(batch, command.getLeaseTick(), term);
            case PUBLISH_MEMBER -> {
                batch.publish(command.getPublishMember());
                yield new Outcome.Applied(
                        command.getPublishMember(), batch.keyspace(keyspace).revision());
            }
            case OPERATION_NOT_SET ->
                    throw new IllegalStateException(
                            "the log holds a command that this version of Lattice does not know");
        };
    }

    /// Has the drains ended that the command would meet.
    private void finishDrains(EntryBatch batch, Command command) {
        int keyspace = command.getKeyspace();
        if (command.getOperationCase() == Command.OperationCase.COMPACT) {
            drainer.finishUpTo(batch, keyspace, command.getCompact().getRevision());
        } else {
            TouchedKeys.of(command).forEach(range -> drainer.finishWithin(batch, keyspace, range));
        }
    }

    private @Nullable Outcome put(WriteTxn txn, PutRequest request, boolean wantsOutcome) {
        if (request.getLease() != 0 && !leases.exists(txn.keyspace(), request.getLease())) {
            return new Outcome.Refused(Refusal.LEASE_NOT_FOUND);
        }
        PutResponse.Builder response = wantsOutcome ? PutResponse.newBuilder() : null;
        Refusal refusal = KeyOperations.put(txn, request, response);
        if (refusal != null) {
            return new Outcome.Refused(refusal);
        }
        txn.commit();
        return response == null ? null : new Outcome.Applied(response.build(), txn.revision());
    }

    private @Nullable Outcome delete(
            WriteTxn txn, DeleteRangeRequest request, boolean wantsOutcome) {
        DeleteRangeResponse.Builder response =
                wantsOutcome ? DeleteRangeResponse.newBuilder() : null;
        KeyOperations.delete(txn, request, response);
        txn.commit();
        return response == null ? null : new Outcome.Applied(response.build(), txn.revision());
    }

    private @Nullable Outcome txn(WriteTxn txn, TxnRequest request, boolean wantsOutcome) {
        Outcome outcome = TxnExecutor.write(txn, request, leases, wantsOutcome);
        switch (outcome) {
            case Outcome.Applied _ -> txn.commit();
            case Outcome.Refused _ -> txn.abort();
        }
        return wantsOutcome ? outcome : null;
    }

    private static Outcome compact(EntryBatch batch, int keyspace, CompactionRequest request) {
        Keyspace before = batch.keyspace(keyspace);
        if (request.getRevision() <= before.compactRevision()) {
            return new Outcome.Refused(Refusal.COMPACTED);
        }
        if (request.getRevision() > before.revision()) {
            return new Outcome.Refused(Refusal.FUTURE_REVISION);
        }
        batch.compact(keyspace, request.getRevision());
        CompactionResponse response =
                CompactionResponse.newBuilder()
                        .setHeader(KeyOperations.header(before.revision()))
                        .build();
        return new Outcome.Applied(response, before.revision());
    }
}
