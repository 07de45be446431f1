package io.lattice.gateway.observability;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import io.grpc.Attributes;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.lattice.proto.etcdserverpb.AuthGrpc;
import io.lattice.proto.etcdserverpb.AuthUserAddRequest;
import io.lattice.proto.etcdserverpb.AuthUserChangePasswordRequest;
import io.lattice.proto.etcdserverpb.AuthenticateRequest;
import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import java.nio.charset.StandardCharsets;
import java.util.List;
import net.logstash.logback.encoder.LogstashEncoder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class AuditLogTest {
    private static final String SECRET = "hunter2";

    private final Logger logger = (Logger) LoggerFactory.getLogger(AuditLog.LOGGER);
    private final ListAppender<ILoggingEvent> lines = new ListAppender<>();

    @BeforeEach
    void listen() {
        lines.start();
        logger.setLevel(Level.INFO);
        logger.addAppender(lines);
    }

    @AfterEach
    void stopListening() {
        logger.detachAppender(lines);
    }

    @Test
    void aWriteIsOneLineWithWhoWhatAndOutcome() {
        call(
                KVGrpc.getPutMethod(),
                PutRequest.newBuilder().setKey(utf8("k/1")).setValue(utf8(SECRET)).build(),
                Status.OK);

        assertThat(json())
                .singleElement()
                .asString()
                .contains(
                        "\"who\":\"anonymous\"",
                        "\"tenant\":\"acme\"",
                        "\"operation\":\"etcdserverpb.KV/Put\"",
                        "\"request\":\"key=k/1\"",
                        "\"outcome\":\"OK\"",
                        "\"request_id\":\"given\"");
    }

    @Test
    void rangesOfDeletionsAndOperationsOfTxnsShow() {
        call(
                KVGrpc.getDeleteRangeMethod(),
                DeleteRangeRequest.newBuilder()
                        .setKey(utf8("a"))
                        .setRangeEnd(ByteString.copyFrom(new byte[] {0}))
                        .build(),
                Status.UNAVAILABLE);
        call(KVGrpc.getTxnMethod(), txn(), Status.OK);

        assertThat(json().get(0))
                .contains("\"request\":\"key=a range_end=0x00\"", "\"outcome\":\"UNAVAILABLE\"");
        assertThat(json().get(1)).contains("key=guard", "request_put key=written");
    }

    @Test
    void valuesAndPasswordsNeverShow() {
        call(KVGrpc.getTxnMethod(), txn(), Status.OK);
        call(
                AuthGrpc.getUserAddMethod(),
                AuthUserAddRequest.newBuilder()
                        .setName("root")
                        .setPassword(SECRET)
                        .setHashedPassword(SECRET)
                        .build(),
                Status.OK);
        call(
                AuthGrpc.getUserChangePasswordMethod(),
                AuthUserChangePasswordRequest.newBuilder()
                        .setName("root")
                        .setPassword(SECRET)
                        .setHashedPassword(SECRET)
                        .build(),
                Status.OK);
        call(
                AuthGrpc.getAuthenticateMethod(),
                AuthenticateRequest.newBuilder().setName("root").setPassword(SECRET).build(),
                Status.INVALID_ARGUMENT.withDescription(SECRET));

        assertThat(json()).hasSize(4);
        assertThat(String.join("\n", json())).contains("name=root").doesNotContain(SECRET);
    }

    @Test
    void readsAreLeftOutUnlessWanted() {
        RangeRequest request = RangeRequest.newBuilder().setKey(utf8("k")).build();

        call(new AuditLog(false, new RequestIds(), (_, _) -> "acme"), request);
        assertThat(lines.list).isEmpty();

        call(new AuditLog(true, new RequestIds(), (_, _) -> "acme"), request);
        assertThat(json()).singleElement().asString().contains("KV/Range");
    }

    private static TxnRequest txn() {
        return TxnRequest.newBuilder()
                .addCompare(Compare.newBuilder().setKey(utf8("guard")).setValue(utf8(SECRET)))
                .addSuccess(
                        RequestOp.newBuilder()
                                .setRequestPut(
                                        PutRequest.newBuilder()
                                                .setKey(utf8("written"))
                                                .setValue(utf8(SECRET))))
                .build();
    }

    private static ByteString utf8(String text) {
        return ByteString.copyFromUtf8(text);
    }

    private void call(AuditLog audit, RangeRequest request) {
        call(audit, KVGrpc.getRangeMethod(), request, Status.OK);
    }

    private <Q extends Message, R> void call(
            MethodDescriptor<Q, R> method, Q request, Status outcome) {
        call(new AuditLog(false, new RequestIds(), (_, _) -> "acme"), method, request, outcome);
    }

    private static <Q extends Message, R> void call(
            AuditLog audit, MethodDescriptor<Q, R> method, Q request, Status outcome) {
        Metadata headers = new Metadata();
        headers.put(Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER), "given");
        ServerCall.Listener<Q> listener =
                audit.interceptCall(
                        new FakeCall<>(method),
                        headers,
                        (call, _) ->
                                new ServerCall.Listener<>() {
                                    @Override
                                    public void onHalfClose() {
                                        call.close(outcome, new Metadata());
                                    }
                                });
        listener.onMessage(request);
        listener.onHalfClose();
        // A client that goes away after its answer adds nothing.
        listener.onCancel();
    }

    /// The lines as the file has them.
    private List<String> json() {
        LogstashEncoder encoder = new LogstashEncoder();
        encoder.setContext(logger.getLoggerContext());
        encoder.start();
        return lines.list.stream()
                .map(event -> new String(encoder.encode(event), StandardCharsets.UTF_8))
                .toList();
    }

    /// A call without a transport.
    private static final class FakeCall<Q, R> extends ServerCall<Q, R> {
        private final MethodDescriptor<Q, R> method;

        FakeCall(MethodDescriptor<Q, R> method) {
            this.method = method;
        }

        @Override
        public void request(int count) {}

        @Override
        public void sendHeaders(Metadata headers) {}

        @Override
        public void sendMessage(R message) {}

        @Override
        public void close(Status status, Metadata trailers) {}

        @Override
        public boolean isCancelled() {
            return false;
        }

        @Override
        public Attributes getAttributes() {
            return Attributes.EMPTY;
        }

        @Override
        public MethodDescriptor<Q, R> getMethodDescriptor() {
            return method;
        }
    }
}
