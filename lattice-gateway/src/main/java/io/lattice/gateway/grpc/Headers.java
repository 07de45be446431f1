package io.lattice.gateway.grpc;

import io.lattice.proto.etcdserverpb.ResponseHeader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.function.LongSupplier;

/// Completes the headers that the state machine made: it knows revisions, this node knows who answers and in which
/// term. Thread-safe.
public final class Headers {
    private final long clusterId;
    private final long memberId;
    private final LongSupplier term;

    /// @param clusterId the same on all nodes
    /// @param nodeId this node's name
    /// @param term the newest that this node knows
    public Headers(long clusterId, String nodeId, LongSupplier term) {
        this.clusterId = clusterId;
        this.memberId = id(nodeId);
        this.term = term;
    }

    /// `header` with its revision, and this node's part filled in.
    ResponseHeader complete(ResponseHeader header) {
        return at(header.getRevision());
    }

    /// A header at a revision.
    ///
    /// @throws IllegalStateException if there is no such revision: a keyspace begins at 1, and clients go on from what they
    ///     are told here, so that an error is better
    ResponseHeader at(long revision) {
        if (revision < 1) {
            throw new IllegalStateException(
                    "an answer at revision " + revision + ", the lowest is 1");
        }
        return builder().setRevision(revision).build();
    }

    /// A header for what has to do with no keyspace.
    ResponseHeader withoutRevision() {
        return builder().build();
    }

    private ResponseHeader.Builder builder() {
        return ResponseHeader.newBuilder()
                .setClusterId(clusterId)
                .setMemberId(memberId)
                .setRaftTerm(term.getAsLong());
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
