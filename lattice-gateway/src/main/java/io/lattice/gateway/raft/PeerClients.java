package io.lattice.gateway.raft;

import io.lattice.proto.peer.PeerReply;
import io.lattice.proto.peer.PeerRequest;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.ratis.grpc.GrpcTlsConfig;
import org.apache.ratis.grpc.GrpcUtil;
import org.apache.ratis.thirdparty.io.grpc.ManagedChannel;
import org.apache.ratis.thirdparty.io.grpc.netty.NegotiationType;
import org.apache.ratis.thirdparty.io.grpc.netty.NettyChannelBuilder;
import org.apache.ratis.thirdparty.io.netty.handler.ssl.SslContext;
import org.jspecify.annotations.Nullable;

/// The connections to the other nodes, one each, made when first needed. Thread-safe.
final class PeerClients implements PeerSender, AutoCloseable {
    private static final int MESSAGE_BYTES_MAX = 64 << 20;
    private static final int FLOW_CONTROL_WINDOW_BYTES = 4 << 20;

    private final Function<String, @Nullable String> addressOf;
    private final @Nullable SslContext ssl;
    private final Map<String, PeerClient> clients = new ConcurrentHashMap<>();

    /// @param addressOf a node's Raft address "host:port" by its name, or null if it isn't a member
    /// @param tls null for plain text
    PeerClients(Function<String, @Nullable String> addressOf, @Nullable GrpcTlsConfig tls) {
        this.addressOf = addressOf;
        this.ssl = GrpcUtil.buildSslContextForClient(tls);
    }

    @Override
    public void send(
            String nodeId, PeerRequest.Builder request, Consumer<@Nullable PeerReply> callback) {
        String address = addressOf.apply(nodeId);
        if (address == null) {
            callback.accept(null);
            return;
        }
        clients.computeIfAbsent(nodeId, id -> new PeerClient(id, () -> connect(address)))
                .send(request, callback);
    }

    private ManagedChannel connect(String address) {
        NettyChannelBuilder builder =
                NettyChannelBuilder.forTarget(address)
                        .proxyDetector(target -> null)
                        .disableRetry()
                        .directExecutor()
                        .flowControlWindow(FLOW_CONTROL_WINDOW_BYTES)
                        .maxInboundMessageSize(MESSAGE_BYTES_MAX);
        if (ssl != null) {
            builder.useTransportSecurity().sslContext(ssl);
        } else {
            builder.negotiationType(NegotiationType.PLAINTEXT);
        }
        return builder.build();
    }

    /// Called regularly: closes the connections to former members, and tends the others.
    void tick() {
        clients.forEach((nodeId, client) -> {
            if (addressOf.apply(nodeId) == null) {
                clients.remove(nodeId, client);
                client.close();
            } else {
                client.tick();
            }
        });
    }

    @Override
    public void close() {
        clients.values().forEach(PeerClient::close);
    }
}
