package io.lattice.gateway.http;

import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.InternalChannelz;
import io.grpc.SecurityLevel;
import io.grpc.internal.GrpcAttributes;
import io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.grpc.netty.InternalProtocolNegotiationEvent;
import io.grpc.netty.InternalProtocolNegotiator;
import io.grpc.netty.InternalProtocolNegotiators;
import io.grpc.netty.InternalWriteBufferingAndExceptionHandlerUtils;
import io.grpc.netty.NettyServerBuilder;
import io.lattice.gateway.wire.PackedMessages;
import io.lattice.gateway.wire.RoomyAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.handler.codec.http.HttpScheme;
import io.netty.util.AsciiString;
import java.util.function.Function;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/// The one place that uses what grpc-java keeps internal: how a connection of its listener is handed to its HTTP/2, or taken
/// away from it. `ClientPortTest` fails if another version of grpc-java works differently.
final class GrpcTransport {
    private GrpcTransport() {}

    /// Makes the listener give each new connection to a handler of ours first.
    ///
    /// @param entrance makes that handler, given what [#toGrpc] needs later
    static void install(
            NettyServerBuilder builder,
            boolean secured,
            Function<GrpcHttp2ConnectionHandler, ChannelHandler> entrance) {
        builder.withChildOption(ChannelOption.ALLOCATOR, new RoomyAllocator());
        builder.protocolNegotiator(
                new InternalProtocolNegotiator.ProtocolNegotiator() {
                    @Override
                    public AsciiString scheme() {
                        return secured ? HttpScheme.HTTPS.name() : HttpScheme.HTTP.name();
                    }

                    @Override
                    public ChannelHandler newHandler(GrpcHttp2ConnectionHandler grpc) {
                        return entrance.apply(grpc);
                    }

                    @Override
                    public void close() {
                        // Holds nothing.
                    }
                });
    }

    /// Ends the entrance: puts gRPC's HTTP/2 into its place, and what the entrance has read goes there.
    ///
    /// @param session of TLS; null for plain text
    static void toGrpc(
            ChannelHandlerContext entrance,
            GrpcHttp2ConnectionHandler grpc,
            @Nullable SSLSession session) {
        var event =
                InternalProtocolNegotiationEvent.withAttributes(
                        InternalProtocolNegotiationEvent.getDefault(),
                        attributes(entrance.channel(), session).toBuilder()
                                .set(PackedMessages.POSSIBLE, true)
                                .build());
        if (session != null) {
            event =
                    InternalProtocolNegotiationEvent.withSecurity(
                            event,
                            new InternalChannelz.Security(new InternalChannelz.Tls(session)));
        }
        entrance.pipeline()
                .addAfter(
                        entrance.name(),
                        null,
                        InternalProtocolNegotiators.grpcNegotiationHandler(grpc));
        // Before what was read: the event puts the HTTP/2 handler in, which has to be there for it.
        entrance.fireUserEventTriggered(event);
        entrance.pipeline().remove(entrance.handler());
    }

    /// Takes a connection away from gRPC's HTTP/2 for good. Its listener still counts the connection as its own: at a
    /// shutdown it closes it, and it writes commands of a kind that only gRPC knows.
    static void release(Channel channel) {
        InternalWriteBufferingAndExceptionHandlerUtils.writeBufferingAndRemove(channel);
    }

    /// What services and interceptors may ask about a connection, whichever protocol it speaks.
    static Attributes attributes(Channel channel, @Nullable SSLSession session) {
        Attributes.Builder attributes =
                Attributes.newBuilder()
                        .set(Grpc.TRANSPORT_ATTR_LOCAL_ADDR, channel.localAddress())
                        .set(Grpc.TRANSPORT_ATTR_REMOTE_ADDR, channel.remoteAddress())
                        .set(
                                GrpcAttributes.ATTR_SECURITY_LEVEL,
                                session == null
                                        ? SecurityLevel.NONE
                                        : SecurityLevel.PRIVACY_AND_INTEGRITY);
        if (session != null) {
            attributes.set(Grpc.TRANSPORT_ATTR_SSL_SESSION, session);
        }
        return attributes.build();
    }
}
