package io.lattice.gateway.grpc;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.lattice.gateway.admission.FairExecutor;
import io.lattice.gateway.admission.Tenant;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.gateway.raft.RaftView;
import io.lattice.gateway.tenant.SpaceReclaimer;
import io.lattice.proto.etcdserverpb.AlarmMember;
import io.lattice.proto.etcdserverpb.AlarmRequest;
import io.lattice.proto.etcdserverpb.AlarmResponse;
import io.lattice.proto.etcdserverpb.DefragmentRequest;
import io.lattice.proto.etcdserverpb.DefragmentResponse;
import io.lattice.proto.etcdserverpb.DowngradeInfo;
import io.lattice.proto.etcdserverpb.HashKVRequest;
import io.lattice.proto.etcdserverpb.HashKVResponse;
import io.lattice.proto.etcdserverpb.MaintenanceGrpc;
import io.lattice.proto.etcdserverpb.MoveLeaderRequest;
import io.lattice.proto.etcdserverpb.MoveLeaderResponse;
import io.lattice.proto.etcdserverpb.StatusRequest;
import io.lattice.proto.etcdserverpb.StatusResponse;
import io.lattice.statemachine.apply.StateStore;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.query.QueryExecutor;
import java.util.concurrent.Executor;

/// etcdserverpb.Maintenance, as far as etcdctl's daily use needs it: status, content hashes, alarms,
/// reclaiming space and moving the leader. The rest answers Unimplemented with its name.
public final class MaintenanceService extends MaintenanceGrpc.MaintenanceImplBase {
    /// The etcd release whose behaviour is served. Kubernetes decides by it what it may rely on.
    public static final String ETCD_VERSION = "3.7.3";

    /// What etcd of that release reports for its storage.
    public static final String STORAGE_VERSION = "3.7.0";

    private final RaftNode node;
    private final Headers headers;
    private final SpaceReclaimer reclaimer;
    private final FairExecutor scans;
    private final ReadGate gate;

    /// @param scans runs what may take long
    /// @param gate what administers has to pass it
    public MaintenanceService(
            RaftNode node,
            Headers headers,
            SpaceReclaimer reclaimer,
            FairExecutor scans,
            ReadGate gate) {
        this.gate = gate;
        this.node = node;
        this.headers = headers;
        this.reclaimer = reclaimer;
        this.scans = scans;
    }

    @Override
    public void status(StatusRequest request, StreamObserver<StatusResponse> observer) {
        Reply<StatusResponse> reply = new Reply<>(observer);
        Tenant tenant = Tenant.current();
        Runnable status = () -> reply.guard(() -> reply.ok(status(tenant)));
        reply.guard(() -> scans.of(tenant.keyspace()).execute(status));
    }

    private boolean isRefused(Reply<?> reply) {
        StatusRuntimeException outdated = gate.administration();
        if (outdated != null) {
            reply.fail(outdated);
        }
        return outdated != null;
    }

    private StatusResponse status(Tenant tenant) {
        RaftView raft = node.view();
        StateStore store = node.store();
        String leader = raft.leader();
        long stored = store.keyspaceBytes(tenant.keyspace(), true);
        StatusResponse.Builder response =
                StatusResponse.newBuilder()
                        .setVersion(ETCD_VERSION)
                        .setStorageVersion(STORAGE_VERSION)
                        .setDbSize(stored)
                        .setDbSizeInUse(stored)
                        .setDbSizeQuota(tenant.quota().storedBytes())
                        .setRaftIndex(raft.committedIndex())
                        .setRaftTerm(raft.term())
                        .setIsLearner(raft.isListener())
                        .setDowngradeInfo(DowngradeInfo.getDefaultInstance());
        if (leader == null) {
            response.addErrors("etcdserver: no leader");
        } else {
            response.setLeader(Headers.id(leader));
        }
        try (ReadView view = store.view()) {
            response.setRaftAppliedIndex(view.appliedIndex())
                    .setHeader(headers.at(view.revision(tenant.keyspace())));
            for (AlarmMember alarm : view.alarms(tenant.keyspace())) {
                response.addErrors(
                        "memberID:%s alarm:%s"
                                .formatted(
                                        Long.toUnsignedString(alarm.getMemberID()),
                                        alarm.getAlarm()));
            }
        }
        return response.build();
    }

    @Override
    public void hashKV(HashKVRequest request, StreamObserver<HashKVResponse> observer) {
        Reply<HashKVResponse> reply = new Reply<>(observer);
        int keyspace = Tenant.current().keyspace();
        Runnable hash = () -> reply.guard(() -> reply.ok(hashKv(keyspace, request.getRevision())));
        reply.guard(() -> scans.of(keyspace).execute(hash));
    }

    private HashKVResponse hashKv(int keyspace, long revision) {
        try (ReadView view = node.store().view()) {
            HashKVResponse response = new QueryExecutor(view).hashKv(keyspace, revision);
            return response.toBuilder().setHeader(headers.complete(response.getHeader())).build();
        }
    }

    /// Alarms are the tenant's. Listing them is linearizable, as in etcd.
    @Override
    public void alarm(AlarmRequest request, StreamObserver<AlarmResponse> observer) {
        Reply<AlarmResponse> reply = new Reply<>(observer);
        if (isRefused(reply)) {
            return;
        }
        node.proposer()
                .propose(
                        Tenant.current().route().command().setAlarm(request).build(),
                        new CommandAnswer(
                                reply,
                                response -> {
                                    AlarmResponse answer = (AlarmResponse) response;
                                    reply.ok(
                                            answer.toBuilder()
                                                    .setHeader(headers.complete(answer.getHeader()))
                                                    .build());
                                }));
    }

    /// Has what the tenant deleted and compacted leave this node's disk. Nobody has to wait for it.
    @Override
    public void defragment(DefragmentRequest request, StreamObserver<DefragmentResponse> observer) {
        Reply<DefragmentResponse> reply = new Reply<>(observer);
        if (isRefused(reply)) {
            return;
        }
        Tenant tenant = Tenant.current();
        reply.guard(() -> {
            var _ =
                    reclaimer
                            .reclaim(tenant.route(), scans.of(tenant.keyspace()))
                            .whenComplete((_, e) -> {
                                if (e == null) {
                                    reply.ok(DefragmentResponse.getDefaultInstance());
                                } else {
                                    reply.fail(ErrorMapper.status(e));
                                }
                            });
        });
    }

    @Override
    public void moveLeader(MoveLeaderRequest request, StreamObserver<MoveLeaderResponse> observer) {
        Reply<MoveLeaderResponse> reply = new Reply<>(observer);
        if (isRefused(reply)) {
            return;
        }
        if (!node.view().isReadyLeader()) {
            reply.fail(Status.FAILED_PRECONDITION.withDescription("etcdserver: not leader"));
            return;
        }
        var target =
                node.members().stream()
                        .filter(member -> !member.listener())
                        .map(RaftNode.Member::raftId)
                        .filter(raftId -> Headers.id(raftId) == request.getTargetID())
                        .findFirst();
        if (target.isEmpty()) {
            reply.fail(
                    Status.FAILED_PRECONDITION.withDescription(
                            "etcdserver: bad leader transferee"));
            return;
        }
        Executor lane = scans.of(Tenant.current().keyspace());
        var _ =
                node.transferLeadership(target.get())
                        .whenCompleteAsync(
                                (leads, e) -> {
                                    if (e == null && leads) {
                                        reply.ok(MoveLeaderResponse.getDefaultInstance());
                                    } else {
                                        reply.fail(
                                                Status.UNAVAILABLE.withDescription(
                                                        "etcdserver: request timed out"));
                                    }
                                },
                                lane);
    }
}
