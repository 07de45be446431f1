package io.lattice.gateway.raft;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import io.lattice.proto.peer.PeerReply;
import io.lattice.proto.peer.PeerRequest;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import org.apache.ratis.thirdparty.io.grpc.MethodDescriptor;

/// The one method of the channel between the nodes, in terms of the gRPC that Ratis carries under its own name:
/// the channel shares Ratis' port, its server and its certificates.
final class PeerWire {
    static final String SERVICE = "lattice.peer.v1.Peer";

    /// A request nests as deep as a client's txn may; see CommandCodec.
    private static final int RECURSION_LIMIT = 10_000;

    static final MethodDescriptor<PeerRequest, PeerReply> EXCHANGE =
            MethodDescriptor.<PeerRequest, PeerReply>newBuilder()
                    .setType(MethodDescriptor.MethodType.BIDI_STREAMING)
                    .setFullMethodName(MethodDescriptor.generateFullMethodName(SERVICE, "Exchange"))
                    .setRequestMarshaller(new ProtoMarshaller<>(PeerRequest.parser()))
                    .setResponseMarshaller(new ProtoMarshaller<>(PeerReply.parser()))
                    .build();

    private PeerWire() {}

    private record ProtoMarshaller<T extends MessageLite>(Parser<T> parser)
            implements MethodDescriptor.Marshaller<T> {
        @Override
        public InputStream stream(T message) {
            return new ByteArrayInputStream(message.toByteArray());
        }

        @Override
        public T parse(InputStream in) {
            try {
                var coded = com.google.protobuf.CodedInputStream.newInstance(in.readAllBytes());
                coded.enableAliasing(true);
                coded.setRecursionLimit(RECURSION_LIMIT);
                return parser.parseFrom(coded);
            } catch (InvalidProtocolBufferException e) {
                throw new IllegalArgumentException("malformed message from a peer", e);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
