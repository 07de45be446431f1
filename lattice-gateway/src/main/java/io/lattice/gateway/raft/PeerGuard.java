package io.lattice.gateway.raft;

import io.lattice.statemachine.raft.FileTrees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Set;
import java.util.function.BiConsumer;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.ReadIndexRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionRequestProto;
import org.apache.ratis.proto.grpc.RaftServerProtocolServiceGrpc;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.thirdparty.io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import org.apache.ratis.thirdparty.io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import org.apache.ratis.thirdparty.io.grpc.Grpc;
import org.apache.ratis.thirdparty.io.grpc.Metadata;
import org.apache.ratis.thirdparty.io.grpc.ServerCall;
import org.apache.ratis.thirdparty.io.grpc.ServerCallHandler;
import org.apache.ratis.thirdparty.io.grpc.ServerInterceptor;
import org.apache.ratis.thirdparty.io.grpc.Status;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Stands before everything that the Raft port serves, and adds what Ratis leaves out.
///
/// - Ratis' client and administration services aren't served: this process uses them without the network, and from
///   outside they would let any client of the CA write raw log entries or remove the group.
/// - A caller's certificate must be one for servers, if it says at all what it is for: clients' certificates come
///   from the same CA.
/// - A request that is addressed to another identity is refused. Ratis looks at the address only. A node that lost
///   its disk has a new identity at the old address, and what it answered would count for the old one.
/// - A vote, or an answer in a new term, leaves only when the folder that holds them is on disk: Ratis renames the
///   file into place, and a power loss could undo that.
final class PeerGuard implements ServerInterceptor {
    private static final Logger LOG = LoggerFactory.getLogger(PeerGuard.class);
    private static final Set<String> SERVED =
            Set.of(RaftServerProtocolServiceGrpc.SERVICE_NAME, PeerWire.SERVICE);
    private static final String SERVER_AUTHENTICATION = "1.3.6.1.5.5.7.3.1";

    private final ByteString self;
    private final boolean secured;
    private final Path logFolder;
    private final Path promises;
    private final BiConsumer<String, Throwable> fatal;
    private volatile @Nullable Promise synced;

    /// Makes the guard of one node.
    ///
    /// @param secured whether the port speaks TLS
    /// @param logFolder where Ratis keeps term and vote
    PeerGuard(String raftId, boolean secured, Path logFolder, BiConsumer<String, Throwable> fatal) {
        this.self = RaftPeerId.valueOf(raftId).toByteString();
        this.secured = secured;
        this.logFolder = logFolder;
        this.promises = logFolder.resolve("raft-meta");
        this.fatal = fatal;
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        String service = call.getMethodDescriptor().getServiceName();
        if (service == null || !SERVED.contains(service)) {
            return refuse(call, Status.PERMISSION_DENIED, "not served on this port");
        }
        if (secured && !isServer(call)) {
            return refuse(call, Status.PERMISSION_DENIED, "not a certificate of a server");
        }
        return new Addressed<>(call, next.startCall(new Synced<>(call), headers));
    }

    private static <Q, A> ServerCall.Listener<Q> refuse(
            ServerCall<Q, A> call, Status status, String why) {
        call.close(status.withDescription("lattice: " + why), new Metadata());
        return new ServerCall.Listener<>() {};
    }

    private static boolean isServer(ServerCall<?, ?> call) {
        SSLSession session = call.getAttributes().get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
        if (session == null) {
            return false;
        }
        try {
            X509Certificate leaf = (X509Certificate) session.getPeerCertificates()[0];
            List<String> usages = leaf.getExtendedKeyUsage();
            return usages == null || usages.contains(SERVER_AUTHENTICATION);
        } catch (SSLPeerUnverifiedException | CertificateParsingException e) {
            return false;
        }
    }

    private static @Nullable RaftRpcRequestProto addressOf(Object request) {
        return switch (request) {
            case RequestVoteRequestProto r -> r.getServerRequest();
            case AppendEntriesRequestProto r -> r.getServerRequest();
            case InstallSnapshotRequestProto r -> r.getServerRequest();
            case StartLeaderElectionRequestProto r -> r.getServerRequest();
            case ReadIndexRequestProto r -> r.getServerRequest();
            default -> null;
        };
    }

    /// Syncs the folder if the file with term and vote was replaced since the last time.
    private void syncPromises() {
        try {
            BasicFileAttributes attributes =
                    Files.readAttributes(promises, BasicFileAttributes.class);
            Promise now = new Promise(attributes.fileKey(), attributes.lastModifiedTime());
            if (!now.equals(synced)) {
                FileTrees.sync(logFolder);
                synced = now;
            }
        } catch (NoSuchFileException e) {
            // Nothing was promised yet.
            LOG.trace("no term yet", e);
        } catch (IOException e) {
            fatal.accept("a vote can't be made durable", e);
        }
    }

    /// Which file holds term and vote: each change is a new file.
    private record Promise(@Nullable Object fileKey, FileTime modified) {}

    private final class Addressed<Q> extends SimpleForwardingServerCallListener<Q> {
        private final ServerCall<Q, ?> call;
        private boolean refused;

        Addressed(ServerCall<Q, ?> call, ServerCall.Listener<Q> delegate) {
            super(delegate);
            this.call = call;
        }

        @Override
        public void onMessage(Q message) {
            RaftRpcRequestProto address = addressOf(message);
            if (refused) {
                return;
            }
            if (address != null && !address.getReplyId().equals(self)) {
                refused = true;
                call.close(
                        Status.FAILED_PRECONDITION.withDescription(
                                "lattice: addressed to a former identity of this node"),
                        new Metadata());
                return;
            }
            super.onMessage(message);
        }

        @Override
        public void onHalfClose() {
            if (!refused) {
                super.onHalfClose();
            }
        }
    }

    private final class Synced<Q, A> extends SimpleForwardingServerCall<Q, A> {
        private final boolean promising;

        Synced(ServerCall<Q, A> delegate) {
            super(delegate);
            this.promising =
                    !PeerWire.SERVICE.equals(delegate.getMethodDescriptor().getServiceName());
        }

        @Override
        public void sendMessage(A reply) {
            if (promising) {
                syncPromises();
            }
            super.sendMessage(reply);
        }
    }
}
