package io.lattice.gateway.grpc;

import io.lattice.gateway.raft.RaftView;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/// Completes the headers that the state machine made: it knows revisions, this node knows who answers and in which
/// term. Thread-safe.
public final class Headers {
    private final long clusterId;
    private final long memberId;
    private final RaftView raft;

    /// @param clusterId the same on all nodes
    public Headers(long clusterId, RaftView raft) {
        this.clusterId = clusterId;
        this.memberId = id(raft.nodeId());
        this.raft = raft;
    }

    /// `header` with its revision, and this node's part filled in.
    ResponseHeader complete(ResponseHeader header) {
        return ResponseHeader.newBuilder()
                .setClusterId(clusterId)
                .setMemberId(memberId)
                .setRevision(header.getRevision())
                .setRaftTerm(raft.term())
                .build();
    }

    ResponseHeader at(long revision) {
        return ResponseHeader.newBuilder()
                .setClusterId(clusterId)
                .setMemberId(memberId)
                .setRevision(revision)
                .setRaftTerm(raft.term())
                .build();
    }

    long memberId() {
        return memberId;
    }

    /// A name as the 64-bit id that etcd's protocol wants: the first bytes of its SHA-256, the same on every node.
    public static long id(String name) {
        try {
            byte[] digest =
                    MessageDigest.getInstance("SHA-256")
                            .digest(name.getBytes(StandardCharsets.UTF_8));
            return ByteBuffer.wrap(digest).getLong();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
