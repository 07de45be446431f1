package io.lattice.gateway.grpc;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.TxnResponse;
import io.lattice.proto.mvccpb.Event;
import io.lattice.proto.mvccpb.KeyValue;
import io.lattice.proto.v3electionpb.CampaignRequest;
import io.lattice.proto.v3electionpb.CampaignResponse;
import io.lattice.proto.v3electionpb.ElectionGrpc;
import io.lattice.proto.v3electionpb.LeaderKey;
import io.lattice.proto.v3electionpb.LeaderRequest;
import io.lattice.proto.v3electionpb.LeaderResponse;
import io.lattice.proto.v3electionpb.ProclaimRequest;
import io.lattice.proto.v3electionpb.ProclaimResponse;
import io.lattice.proto.v3electionpb.ResignRequest;
import io.lattice.proto.v3electionpb.ResignResponse;

/// v3electionpb.Election: the elections of etcd's Go client, played here for clients that have none of their own. See [Line].
/// What etcd tells without a code of its own has none here, since clients look at the text.
public final class ElectionService extends ElectionGrpc.ElectionImplBase {
    private static final Status NOT_LEADER = Status.UNKNOWN.withDescription("election: not leader");
    private static final Status NO_LEADER = Status.UNKNOWN.withDescription("election: no leader");
    private static final Status LEADER_MISSING =
            Status.UNKNOWN.withDescription("\"leader\" field must be provided");

    private final WaitingCalls waiting;

    public ElectionService(WaitingCalls waiting) {
        this.waiting = waiting;
    }

    @Override
    public void campaign(CampaignRequest request, StreamObserver<CampaignResponse> observer) {
        waiting.begin(observer, (calls, client) -> client.send(campaign(calls, request)));
    }

    private static CampaignResponse campaign(TenantCalls calls, CampaignRequest request)
            throws InterruptedException {
        long lease =
                request.getLease() == 0
                        ? calls.grant(LockService.SESSION_SECONDS)
                        : request.getLease();
        Line line = Line.of(request.getName());
        ByteString key = line.key(lease);
        TxnResponse joined =
                calls.txn(
                        TxnRequest.newBuilder()
                                .addCompare(Line.createdAt(key, 0))
                                .addSuccess(Line.put(key, request.getValue(), lease))
                                .addFailure(Line.get(key))
                                .build());
        LeaderKey.Builder place =
                LeaderKey.newBuilder()
                        .setName(request.getName())
                        .setKey(key)
                        .setLease(lease)
                        .setRev(joined.getHeader().getRevision());
        if (!joined.getSucceeded()) {
            KeyValue known = joined.getResponses(0).getResponseRange().getKvs(0);
            place.setRev(known.getCreateRevision());
            if (!known.getValue().equals(request.getValue())) {
                proclaimOrResign(calls, place.build(), request.getValue());
            }
        }
        try {
            line.awaitTurn(calls, place.getRev() - 1);
        } catch (InterruptedException e) {
            WaitingCalls.cleanUp(() -> resign(calls, place.build()));
            throw e;
        }
        return CampaignResponse.newBuilder().setHeader(joined.getHeader()).setLeader(place).build();
    }

    private static void proclaimOrResign(TenantCalls calls, LeaderKey place, ByteString value)
            throws InterruptedException {
        try {
            var _ = proclaim(calls, place, value);
        } catch (InterruptedException | StatusRuntimeException e) {
            WaitingCalls.cleanUp(() -> resign(calls, place));
            throw e;
        }
    }

    @Override
    public void proclaim(ProclaimRequest request, StreamObserver<ProclaimResponse> observer) {
        if (!request.hasLeader()) {
            observer.onError(LEADER_MISSING.asRuntimeException());
            return;
        }
        waiting.begin(
                observer,
                (calls, client) ->
                        client.send(
                                ProclaimResponse.newBuilder()
                                        .setHeader(
                                                proclaim(
                                                        calls,
                                                        request.getLeader(),
                                                        request.getValue()))
                                        .build()));
    }

    private static ResponseHeader proclaim(TenantCalls calls, LeaderKey place, ByteString value)
            throws InterruptedException {
        TxnResponse put =
                calls.txn(
                        TxnRequest.newBuilder()
                                .addCompare(Line.createdAt(place.getKey(), place.getRev()))
                                .addSuccess(Line.put(place.getKey(), value, place.getLease()))
                                .build());
        if (!put.getSucceeded()) {
            throw NOT_LEADER.asRuntimeException();
        }
        return put.getHeader();
    }

    @Override
    public void resign(ResignRequest request, StreamObserver<ResignResponse> observer) {
        if (!request.hasLeader()) {
            observer.onError(LEADER_MISSING.asRuntimeException());
            return;
        }
        waiting.begin(
                observer,
                (calls, client) ->
                        client.send(
                                ResignResponse.newBuilder()
                                        .setHeader(resign(calls, request.getLeader()))
                                        .build()));
    }

    /// Gives a place up; one that is lost already is fine.
    private static ResponseHeader resign(TenantCalls calls, LeaderKey place)
            throws InterruptedException {
        return calls.txn(
                        TxnRequest.newBuilder()
                                .addCompare(Line.createdAt(place.getKey(), place.getRev()))
                                .addSuccess(
                                        RequestOp.newBuilder()
                                                .setRequestDeleteRange(
                                                        DeleteRangeRequest.newBuilder()
                                                                .setKey(place.getKey())))
                                .build())
                .getHeader();
    }

    @Override
    public void leader(LeaderRequest request, StreamObserver<LeaderResponse> observer) {
        waiting.begin(
                observer,
                (calls, client) -> {
                    RangeResponse found = calls.range(Line.of(request.getName()).first().build());
                    if (found.getKvsCount() == 0) {
                        throw NO_LEADER.asRuntimeException();
                    }
                    client.send(leads(found.getHeader(), found.getKvs(0)));
                });
    }

    private static LeaderResponse leads(ResponseHeader header, KeyValue leader) {
        return LeaderResponse.newBuilder().setHeader(header).setKv(leader).build();
    }

    @Override
    public void observe(LeaderRequest request, StreamObserver<LeaderResponse> observer) {
        waiting.begin(
                observer,
                (calls, client) -> {
                    while (true) {
                        follow(calls, Line.of(request.getName()), client);
                    }
                });
    }

    /// Tells of the leader, and of all that it proclaims until it leads no more.
    private static void follow(
            TenantCalls calls, Line line, WaitingCalls.Client<LeaderResponse> client)
            throws InterruptedException {
        RangeResponse found = calls.range(line.first().build());
        ResponseHeader header = found.getHeader();
        KeyValue leader;
        if (found.getKvsCount() > 0) {
            leader = found.getKvs(0);
        } else {
            leader = line.awaitPut(calls, header.getRevision());
            header = calls.header(leader.getModRevision());
        }
        client.send(leads(header, leader));
        try (KeyEvents events =
                calls.watch(leader.getKey(), ByteString.EMPTY, header.getRevision() + 1)) {
            while (true) {
                for (KeyEvents.Batch batch : events.next()) {
                    for (Event event : batch.events()) {
                        if (event.getType() == Event.EventType.DELETE) {
                            return;
                        }
                        client.send(leads(calls.header(batch.revision()), event.getKv()));
                    }
                }
            }
        }
    }
}
