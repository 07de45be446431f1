package io.lattice.gateway.grpc;

import com.google.protobuf.Message;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.lattice.gateway.admission.FairExecutor;
import io.lattice.gateway.admission.Route;
import io.lattice.gateway.admission.Tenant;
import io.lattice.gateway.lease.GroupRenewals;
import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.gateway.raft.Proposer;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.LeaseGrantResponse;
import io.lattice.proto.etcdserverpb.LeaseGrpc;
import io.lattice.proto.etcdserverpb.LeaseKeepAliveRequest;
import io.lattice.proto.etcdserverpb.LeaseKeepAliveResponse;
import io.lattice.proto.etcdserverpb.LeaseLeasesRequest;
import io.lattice.proto.etcdserverpb.LeaseLeasesResponse;
import io.lattice.proto.etcdserverpb.LeaseRevokeRequest;
import io.lattice.proto.etcdserverpb.LeaseRevokeResponse;
import io.lattice.proto.etcdserverpb.LeaseStatus;
import io.lattice.proto.etcdserverpb.LeaseTimeToLiveRequest;
import io.lattice.proto.etcdserverpb.LeaseTimeToLiveResponse;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.apply.Refusal;
import io.lattice.statemachine.apply.RequestChecks;
import io.lattice.statemachine.lease.LeaseReader;
import io.lattice.statemachine.mvcc.ReadView;
import java.security.SecureRandom;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/// etcdserverpb.Lease. Grants, revokes and renewals are replicated; TimeToLive is linearizable, LeaseLeases answers from
/// this node's state, as in etcd. A tenant's leases are its own: another one's may have the same ids.
public final class LeaseService extends LeaseGrpc.LeaseImplBase {
    private static final long NOT_FOUND_TTL = -1;

    private final RaftNode node;
    private final Headers headers;
    private final FairExecutor scans;
    private final ReadGate gate;
    private final GroupRenewals renewals;
    private final Set<KeepAliveStream> streams = ConcurrentHashMap.newKeySet();
    private final SecureRandom random = new SecureRandom();

    /// @param scans runs what may take long: lists, and the answers of many renewals
    /// @param gate what claims to be linearizable has to pass it, and grants too
    public LeaseService(
            RaftNode node,
            Headers headers,
            RequestLimits limits,
            FairExecutor scans,
            ReadGate gate) {
        this.gate = gate;
        this.node = node;
        this.headers = headers;
        this.scans = scans;
        this.renewals = new GroupRenewals(node, limits.timeout(), scans::of);
    }

    @Override
    public void leaseGrant(LeaseGrantRequest request, StreamObserver<LeaseGrantResponse> observer) {
        Reply<LeaseGrantResponse> reply = new Reply<>(observer);
        Refusal refusal = RequestChecks.check(request);
        if (refusal != null) {
            reply.fail(ErrorMapper.status(refusal));
            return;
        }
        StatusRuntimeException outdated = gate.administration();
        if (outdated != null) {
            reply.fail(outdated);
            return;
        }
        Tenant tenant = Tenant.current();
        long ttl = tenant.leaseTtl().grant(request.getTTL());
        if (request.getID() != 0) {
            propose(
                    tenant.route(),
                    granting(request.getID(), ttl),
                    new CommandAnswer(reply, granted(reply)));
        } else {
            grantAnyId(tenant.route(), ttl, reply);
        }
    }

    private static LeaseGrantRequest granting(long id, long ttl) {
        return LeaseGrantRequest.newBuilder().setID(id).setTTL(ttl).build();
    }

    private void propose(Route route, LeaseGrantRequest grant, Proposer.Completion completion) {
        node.proposer().propose(route.command().setLeaseGrant(grant).build(), completion);
    }

    private Consumer<Message> granted(Reply<LeaseGrantResponse> reply) {
        return response -> {
            LeaseGrantResponse granted = (LeaseGrantResponse) response;
            reply.ok(granted.toBuilder().setHeader(headers.complete(granted.getHeader())).build());
        };
    }

    /// With a positive id of the server's choice; another one if by chance that exists.
    private void grantAnyId(Route route, long ttl, Reply<LeaseGrantResponse> reply) {
        long id = 1 + random.nextLong(Long.MAX_VALUE);
        CommandAnswer answer = new CommandAnswer(reply, granted(reply));
        propose(
                route,
                granting(id, ttl),
                new Proposer.Completion() {
                    @Override
                    public void done(Outcome outcome) {
                        if (outcome.equals(new Outcome.Refused(Refusal.LEASE_EXISTS))) {
                            // Not on the thread that applies the log: proposing may submit at
                            // once, and submitting may block.
                            reply.guard(() ->
                                    scans.of(route.keyspace())
                                            .execute(() -> grantAnyId(route, ttl, reply)));
                        } else {
                            answer.done(outcome);
                        }
                    }

                    @Override
                    public void failed(ProposalFailure failure) {
                        answer.failed(failure);
                    }
                });
    }

    @Override
    public void leaseRevoke(
            LeaseRevokeRequest request, StreamObserver<LeaseRevokeResponse> observer) {
        Reply<LeaseRevokeResponse> reply = new Reply<>(observer);
        node.proposer()
                .propose(
                        Tenant.current().route().command().setLeaseRevoke(request).build(),
                        new CommandAnswer(
                                reply,
                                response -> {
                                    LeaseRevokeResponse revoked = (LeaseRevokeResponse) response;
                                    reply.ok(
                                            revoked.toBuilder()
                                                    .setHeader(
                                                            headers.complete(revoked.getHeader()))
                                                    .build());
                                }));
    }

    @Override
    public StreamObserver<LeaseKeepAliveRequest> leaseKeepAlive(
            StreamObserver<LeaseKeepAliveResponse> observer) {
        Route route = Tenant.current().route();
        KeepAliveStream stream =
                new KeepAliveStream(
                        (ServerCallStreamObserver<LeaseKeepAliveResponse>) observer,
                        renewals.of(route),
                        () -> header(route.keyspace()),
                        streams::remove);
        streams.add(stream);
        stream.start();
        return stream;
    }

    /// Ends all keepalive streams, which would go on for as long as their clients want. Call it when no new calls come.
    public void stop() {
        streams.forEach(KeepAliveStream::stop);
    }

    /// Taken before a renewal: were it taken after, a lease could be seen renewed at a revision by which it was revoked.
    private ResponseHeader header(int keyspace) {
        try (ReadView view = node.store().view()) {
            return headers.at(view.revision(keyspace));
        }
    }

    @Override
    public void leaseTimeToLive(
            LeaseTimeToLiveRequest request, StreamObserver<LeaseTimeToLiveResponse> observer) {
        Reply<LeaseTimeToLiveResponse> reply = new Reply<>(observer);
        int keyspace = Tenant.current().keyspace();
        Runnable read = () -> reply.guard(() -> reply.ok(timeToLive(keyspace, request)));
        Runnable placed =
                request.getKeys()
                        ? () -> reply.guard(() -> scans.of(keyspace).execute(read))
                        : read;
        gate.await(placed, reply::fail);
    }

    private LeaseTimeToLiveResponse timeToLive(int keyspace, LeaseTimeToLiveRequest request) {
        try (ReadView view = node.store().view()) {
            LeaseReader leases = new LeaseReader(view, keyspace);
            LeaseTimeToLiveResponse.Builder response =
                    LeaseTimeToLiveResponse.newBuilder()
                            .setHeader(headers.at(view.revision(keyspace)))
                            .setID(request.getID());
            LeaseReader.Status status = leases.find(request.getID());
            if (status == null) {
                return response.setTTL(NOT_FOUND_TTL).build();
            }
            if (request.getKeys()) {
                response.addAllKeys(leases.keys(request.getID()));
            }
            return response.setTTL(status.remainingSeconds())
                    .setGrantedTTL(status.grantedSeconds())
                    .build();
        }
    }

    @Override
    public void leaseLeases(
            LeaseLeasesRequest request, StreamObserver<LeaseLeasesResponse> observer) {
        Reply<LeaseLeasesResponse> reply = new Reply<>(observer);
        int keyspace = Tenant.current().keyspace();
        Runnable list = () -> reply.guard(() -> reply.ok(list(keyspace)));
        reply.guard(() -> scans.of(keyspace).execute(list));
    }

    private LeaseLeasesResponse list(int keyspace) {
        try (ReadView view = node.store().view()) {
            LeaseLeasesResponse.Builder response =
                    LeaseLeasesResponse.newBuilder().setHeader(headers.at(view.revision(keyspace)));
            for (long id : new LeaseReader(view, keyspace).ids()) {
                response.addLeases(LeaseStatus.newBuilder().setID(id));
            }
            return response.build();
        }
    }
}
