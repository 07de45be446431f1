package io.lattice.gateway.grpc;

import io.grpc.stub.StreamObserver;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.proto.command.PublishMember;
import io.lattice.proto.etcdserverpb.ClusterGrpc;
import io.lattice.proto.etcdserverpb.Member;
import io.lattice.proto.etcdserverpb.MemberListRequest;
import io.lattice.proto.etcdserverpb.MemberListResponse;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.statemachine.mvcc.ReadView;
import java.util.Map;

/// etcdserverpb.Cluster: lists the members, listeners as learners. Raft's configuration says who they are; their client URLs are what each
/// published of itself when it started. Changing members answers Unimplemented.
public final class ClusterService extends ClusterGrpc.ClusterImplBase {
    private final RaftNode node;
    private final Headers headers;
    private final ReadGate gate;
    private final String peerScheme;

    /// @param gate what wants the newest membership has to pass it
    /// @param peerScheme "https" or "http", as the Raft port speaks
    public ClusterService(RaftNode node, Headers headers, ReadGate gate, String peerScheme) {
        this.node = node;
        this.headers = headers;
        this.gate = gate;
        this.peerScheme = peerScheme;
    }

    @Override
    public void memberList(MemberListRequest request, StreamObserver<MemberListResponse> observer) {
        Reply<MemberListResponse> reply = new Reply<>(observer);
        Runnable list = () -> reply.guard(() -> reply.ok(memberList()));
        if (!request.getLinearizable()) {
            list.run();
            return;
        }
        gate.awaitMembership(list, reply::fail);
    }

    private MemberListResponse memberList() {
        // Headers of this service carry no revision in etcd.
        ResponseHeader header = headers.withoutRevision();
        MemberListResponse.Builder response = MemberListResponse.newBuilder().setHeader(header);
        Map<String, PublishMember> published;
        try (ReadView view = node.store().view()) {
            published = view.members();
        }
        for (RaftNode.Member member : node.members()) {
            Member.Builder listed =
                    Member.newBuilder()
                            .setID(Headers.id(member.raftId()))
                            .addPeerURLs(peerScheme + "://" + member.address())
                            .setIsLearner(member.listener());
            PublishMember details = published.get(member.nodeId());
            if (details != null) {
                // Like etcd: a member that has never started has neither a name nor client URLs.
                listed.setName(member.nodeId()).addAllClientURLs(details.getClientUrlsList());
            }
            response.addMembers(listed);
        }
        return response.build();
    }
}
