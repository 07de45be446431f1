package io.lattice.gateway.grpc;

import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.lattice.gateway.admission.Route;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.gateway.raft.RaftView;
import io.lattice.proto.etcdserverpb.AlarmRequest;
import io.lattice.proto.etcdserverpb.AlarmResponse;
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

/// etcdserverpb.Maintenance, as far as etcdctl's daily use needs it: status, content hashes, the (empty) list of alarms and
/// moving the leader. The rest answers Unimplemented with its name.
public final class MaintenanceService extends MaintenanceGrpc.MaintenanceImplBase {
    /// The etcd release whose behaviour is served. Kubernetes decides by it what it may rely on.
    public static final String ETCD_VERSION = "3.7.3";

    /// What etcd of that release reports for its storage.
    public static final String STORAGE_VERSION = "3.7.0";

    private final RaftNode node;
    private final Headers headers;
    private final Route route;
    private final long backendQuotaBytes;
    private final Executor scans;

    /// @param backendQuotaBytes reported by Status
    public MaintenanceService(
            RaftNode node, Headers headers, Route route, long backendQuotaBytes, Executor scans) {
        this.node = node;
        this.headers = headers;
        this.route = route;
        this.backendQuotaBytes = backendQuotaBytes;
        this.scans = scans;
    }

    @Override
    public void status(StatusRequest request, StreamObserver<StatusResponse> observer) {
        Reply<StatusResponse> reply = new Reply<>(observer);
        reply.guard(() -> scans.execute(() -> reply.guard(() -> reply.ok(status()))));
    }

    private StatusResponse status() {
        RaftView raft = node.view();
        StateStore store = node.store();
        String leader = raft.leader();
        StatusResponse.Builder response =
                StatusResponse.newBuilder()
                        .setVersion(ETCD_VERSION)
                        .setStorageVersion(STORAGE_VERSION)
                        .setDbSize(store.sizeBytes())
                        .setDbSizeInUse(store.liveBytes())
                        .setDbSizeQuota(backendQuotaBytes)
                        .setRaftIndex(raft.committedIndex())
                        .setRaftTerm(raft.term())
                        .setDowngradeInfo(DowngradeInfo.getDefaultInstance());
        if (leader == null) {
            response.addErrors("etcdserver: no leader");
        } else {
            response.setLeader(Headers.id(leader));
        }
        try (ReadView view = store.view()) {
            response.setRaftAppliedIndex(view.appliedIndex())
                    .setHeader(headers.at(view.revision(route.keyspace())));
        }
        return response.build();
    }

    @Override
    public void hashKV(HashKVRequest request, StreamObserver<HashKVResponse> observer) {
        Reply<HashKVResponse> reply = new Reply<>(observer);
        reply.guard(() ->
                scans.execute(() -> reply.guard(() -> reply.ok(hashKv(request.getRevision())))));
    }

    private HashKVResponse hashKv(long revision) {
        try (ReadView view = node.store().view()) {
            HashKVResponse response = new QueryExecutor(view).hashKv(route.keyspace(), revision);
            return response.toBuilder().setHeader(headers.complete(response.getHeader())).build();
        }
    }

    @Override
    public void alarm(AlarmRequest request, StreamObserver<AlarmResponse> observer) {
        Reply<AlarmResponse> reply = new Reply<>(observer);
        if (request.getAction() != AlarmRequest.AlarmAction.GET) {
            reply.fail(
                    Status.UNIMPLEMENTED.withDescription(
                            "etcdserverpb.Maintenance/Alarm is implemented for the action GET only,"
                                    + " not for "
                                    + request.getAction()));
            return;
        }
        reply.guard(() -> {
            try (ReadView view = node.store().view()) {
                reply.ok(
                        AlarmResponse.newBuilder()
                                .setHeader(headers.at(view.revision(route.keyspace())))
                                .build());
            }
        });
    }

    @Override
    public void moveLeader(MoveLeaderRequest request, StreamObserver<MoveLeaderResponse> observer) {
        Reply<MoveLeaderResponse> reply = new Reply<>(observer);
        if (!node.view().isReadyLeader()) {
            reply.fail(Status.FAILED_PRECONDITION.withDescription("etcdserver: not leader"));
            return;
        }
        var target =
                node.members().stream()
                        .map(RaftNode.Member::raftId)
                        .filter(raftId -> Headers.id(raftId) == request.getTargetID())
                        .findFirst();
        if (target.isEmpty()) {
            reply.fail(
                    Status.FAILED_PRECONDITION.withDescription(
                            "etcdserver: bad leader transferee"));
            return;
        }
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
                                scans);
    }
}
