package io.lattice.gateway.grpc;

import com.google.protobuf.MessageLite;
import io.grpc.KnownLength;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.InputStream;

/// Refuses request messages that are too large or can't be parsed with the code and text of grpc-go, which is what
/// clients of etcd see. grpc-java's transport has other words for the first, and answers Unknown to the second.
///
/// What is refused travels as a value from the marshaller, which can't end a call, to the listener, which can.
public final class CheckedRequests {
    /// The transport takes messages up to this many times the limit, since only what it took can be refused in these
    /// words. It refuses larger ones itself, with the same code.
    private static final int TRANSPORT_FACTOR = 4;

    private final int messageBytesMax;

    /// @param messageBytesMax largest encoded request, bytes
    public CheckedRequests(int messageBytesMax) {
        this.messageBytesMax = messageBytesMax;
    }

    /// The limit for the transport, bytes.
    public int transportBytesMax() {
        return (int) Math.min(Integer.MAX_VALUE, (long) TRANSPORT_FACTOR * messageBytesMax);
    }

    /// `service` with its requests checked.
    public ServerServiceDefinition check(ServerServiceDefinition service) {
        return ServiceMethods.map(service, this::checked);
    }

    @SuppressWarnings("unchecked") // the call hands requests to its listener only
    private <Q, R> ServerMethodDefinition<Object, R> checked(ServerMethodDefinition<Q, R> method) {
        MethodDescriptor<Q, R> plain = method.getMethodDescriptor();
        String unreadable =
                plain.getType().clientSendsOneMessage()
                        ? "grpc: error unmarshalling request: "
                        : "grpc: failed to unmarshal the received message: ";
        MethodDescriptor<Object, R> descriptor =
                plain.toBuilder(
                                new Requests<>(
                                        plain.getRequestMarshaller(), messageBytesMax, unreadable),
                                plain.getResponseMarshaller())
                        .build();
        ServerCallHandler<Q, R> handler = method.getServerCallHandler();
        return ServerMethodDefinition.create(
                descriptor,
                (call, headers) ->
                        new Listener<>(
                                call,
                                handler.startCall(
                                        (ServerCall<Q, R>) (ServerCall<?, R>) call, headers)));
    }

    /// Stands for a request that was refused.
    private record Refused(Status status) {}

    /// Parses a request, or makes a [Refused] of it.
    private record Requests<Q>(
            MethodDescriptor.Marshaller<Q> plain, int messageBytesMax, String unreadable)
            implements MethodDescriptor.Marshaller<Object> {
        @Override
        @SuppressWarnings("unchecked") // only requests are written by this method's clients
        public InputStream stream(Object value) {
            return plain.stream((Q) value);
        }

        @Override
        public Object parse(InputStream stream) {
            boolean known = stream instanceof KnownLength;
            try {
                if (known && stream.available() > messageBytesMax) {
                    return tooLarge(
                            "grpc: received message larger than max (%d vs. %d)"
                                    .formatted(stream.available(), messageBytesMax));
                }
                Q request = plain.parse(stream);
                // A compressed one shows its size only now.
                if (!known
                        && request instanceof MessageLite message
                        && message.getSerializedSize() > messageBytesMax) {
                    return tooLarge(
                            "grpc: received message after decompression larger than max "
                                    + messageBytesMax);
                }
                return request;
            } catch (IOException e) {
                return new Refused(unreadable(e));
            } catch (StatusRuntimeException e) {
                return new Refused(
                        e.getStatus().getCode() == Status.Code.INTERNAL
                                ? unreadable(e.getCause() == null ? e : e.getCause())
                                : e.getStatus());
            }
        }

        private static Refused tooLarge(String text) {
            return new Refused(Status.RESOURCE_EXHAUSTED.withDescription(text));
        }

        private Status unreadable(Throwable cause) {
            return Status.INTERNAL.withDescription(unreadable + cause.getMessage());
        }
    }

    /// Ends the call at a refused request; the service sees it as cancelled.
    private static final class Listener<Q> extends ServerCall.Listener<Object> {
        private final ServerCall<Object, ?> call;
        private final ServerCall.Listener<Q> service;
        private boolean refused;

        Listener(ServerCall<Object, ?> call, ServerCall.Listener<Q> service) {
            this.call = call;
            this.service = service;
        }

        @Override
        @SuppressWarnings("unchecked") // the marshaller makes nothing else
        public void onMessage(Object message) {
            if (refused) {
                return;
            }
            if (message instanceof Refused refusal) {
                refused = true;
                service.onCancel();
                call.close(refusal.status(), new Metadata());
            } else {
                service.onMessage((Q) message);
            }
        }

        @Override
        public void onHalfClose() {
            if (!refused) {
                service.onHalfClose();
            }
        }

        @Override
        public void onCancel() {
            if (!refused) {
                service.onCancel();
            }
        }

        @Override
        public void onComplete() {
            if (!refused) {
                service.onComplete();
            }
        }

        @Override
        public void onReady() {
            if (!refused) {
                service.onReady();
            }
        }
    }
}
