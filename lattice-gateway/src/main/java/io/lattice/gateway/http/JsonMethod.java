package io.lattice.gateway.http;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor.PrototypeMarshaller;
import io.grpc.MethodDescriptor;
import io.grpc.ServerMethodDefinition;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/// A method that has a path: how its messages look in JSON, and what serves it. Immutable.
///
/// @param name "package.Service/Method"
/// @param type whether requests and responses are streams
/// @param request the empty request
/// @param response the empty response
/// @param served null if this node doesn't serve it
record JsonMethod(
        String name,
        MethodDescriptor.MethodType type,
        Message request,
        Message response,
        @Nullable ServerMethodDefinition<?, ?> served) {
    private static final JsonFormat.Parser PARSER = JsonFormat.parser().ignoringUnknownFields();
    private static final JsonFormat.Printer PRINTER =
            JsonFormat.printer().preservingProtoFieldNames().omittingInsignificantWhitespace();

    /// @param described by the generated code
    static JsonMethod of(
            MethodDescriptor<?, ?> described, @Nullable ServerMethodDefinition<?, ?> served) {
        return new JsonMethod(
                described.getFullMethodName(),
                described.getType(),
                prototype(described.getRequestMarshaller()),
                prototype(described.getResponseMarshaller()),
                served);
    }

    private static Message prototype(MethodDescriptor.Marshaller<?> marshaller) {
        if (marshaller instanceof PrototypeMarshaller<?> known
                && known.getMessagePrototype() instanceof Message message) {
            return message;
        }
        throw new IllegalArgumentException("not a method of protobuf messages: " + marshaller);
    }

    boolean streamsRequests() {
        return !type.clientSendsOneMessage();
    }

    boolean streamsResponses() {
        return !type.serverSendsOneMessage();
    }

    /// A request of the client's as the service's own marshaller reads it, so that the same checks apply as to one that came
    /// by gRPC.
    ///
    /// @throws InvalidProtocolBufferException if it isn't JSON, or doesn't fit the message
    Object parse(ServerMethodDefinition<?, ?> server, String json)
            throws InvalidProtocolBufferException {
        Message.Builder message = request.newBuilderForType();
        PARSER.merge(json, message);
        return server.getMethodDescriptor()
                .parseRequest(new KnownBytes(message.build().toByteArray()));
    }

    /// A response of the service in JSON.
    <A> String print(MethodDescriptor<?, A> server, A answer) throws IOException {
        try (InputStream bytes = server.streamResponse(answer)) {
            Message message = response.getParserForType().parseFrom(bytes);
            return PRINTER.print(message);
        }
    }

    /// Tells its length, as the transport's streams do.
    private static final class KnownBytes extends ByteArrayInputStream implements KnownLength {
        KnownBytes(byte[] bytes) {
            super(bytes);
        }
    }
}
