package io.lattice.gateway.raft;

import io.lattice.statemachine.storage.FileTrees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Predicate;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotReplyProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcReplyProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.ReadIndexReplyProto;
import org.apache.ratis.proto.RaftProtos.ReadIndexRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionReplyProto;
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
import org.apache.ratis.util.ProtoUtils;
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
/// - A request for a group that isn't open here, or not yet, is refused: Ratis doesn't answer a heartbeat then.
/// - A vote, or an answer in a new term, leaves only when the folder that holds them is on disk: Ratis renames the
///   file into place, and a power loss could undo that.
final class PeerGuard implements ServerInterceptor {
    private static final Logger LOG = LoggerFactory.getLogger(PeerGuard.class);
    private static final Set<String> SERVED =
            Set.of(RaftServerProtocolServiceGrpc.SERVICE_NAME, PeerWire.SERVICE);
    private static final String SERVER_AUTHENTICATION = "1.3.6.1.5.5.7.3.1";

    private final ByteString self;
    private final boolean secured;
    private final Predicate<UUID> isOpen;
    private final Function<UUID, Path> logFolders;
    private final BiConsumer<String, Throwable> fatal;
    private final Map<UUID, Promises> promises = new ConcurrentHashMap<>();

    /// Makes the guard of one node.
    ///
    /// @param secured whether the port speaks TLS
    /// @param isOpen whether this node has a group open
    /// @param logFolders where Ratis keeps term and vote of a group
    PeerGuard(
            String raftId,
            boolean secured,
            Predicate<UUID> isOpen,
            Function<UUID, Path> logFolders,
            BiConsumer<String, Throwable> fatal) {
        this.self = RaftPeerId.valueOf(raftId).toByteString();
        this.secured = secured;
        this.isOpen = isOpen;
        this.logFolders = logFolders;
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

    private @Nullable Status refusal(RaftRpcRequestProto address) {
        if (!address.getReplyId().equals(self)) {
            return Status.FAILED_PRECONDITION.withDescription(
                    "lattice: addressed to a former identity of this node");
        }
        UUID group = ProtoUtils.toRaftGroupId(address.getRaftGroupId()).getUuid();
        return isOpen.test(group)
                ? null
                : Status.UNAVAILABLE.withDescription(
                        "lattice: group " + group + " isn't open on this node");
    }

    private static @Nullable RaftRpcReplyProto senderOf(Object reply) {
        return switch (reply) {
            case RequestVoteReplyProto r -> r.getServerReply();
            case AppendEntriesReplyProto r -> r.getServerReply();
            case InstallSnapshotReplyProto r -> r.getServerReply();
            case StartLeaderElectionReplyProto r -> r.getServerReply();
            case ReadIndexReplyProto r -> r.getServerReply();
            default -> null;
        };
    }

    /// Which file holds term and vote: each change is a new file.
    private record Promise(@Nullable Object fileKey, FileTime modified) {}

    /// Term and vote in one group.
    private final class Promises {
        private final Path logFolder;
        private final Path file;
        private volatile @Nullable Promise synced;

        Promises(UUID group) {
            this.logFolder = logFolders.apply(group);
            this.file = logFolder.resolve("raft-meta");
        }

        /// Syncs the folder if the file with term and vote was replaced since the last time.
        void sync() {
            try {
                BasicFileAttributes attributes =
                        Files.readAttributes(file, BasicFileAttributes.class);
                Promise now = new Promise(attributes.fileKey(), attributes.lastModifiedTime());
                if (!now.equals(synced)) {
                    FileTrees.sync(logFolder);
                    synced = now;
                }
            } catch (NoSuchFileException e) {
                // Nothing was promised yet, or the group was left.
                LOG.trace("no term yet", e);
            } catch (IOException e) {
                fatal.accept("a vote can't be made durable", e);
            }
        }
    }

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
            Status refusal = address == null ? null : refusal(address);
            if (refusal != null) {
                refused = true;
                call.close(refusal, new Metadata());
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
        Synced(ServerCall<Q, A> delegate) {
            super(delegate);
        }

        @Override
        public void sendMessage(A reply) {
            RaftRpcReplyProto sender = senderOf(reply);
            if (sender != null) {
                UUID group = ProtoUtils.toRaftGroupId(sender.getRaftGroupId()).getUuid();
                promises.computeIfAbsent(group, Promises::new).sync();
            }
            super.sendMessage(reply);
        }
    }
}
