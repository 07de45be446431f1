package io.lattice.gateway.observability;

import static net.logstash.logback.argument.StructuredArguments.keyValue;

import com.google.protobuf.Message;
import io.grpc.Attributes;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerTransportFilter;
import io.grpc.Status;
import io.lattice.gateway.security.SubjectNames;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Writes down who asked for what, and what came of it: one line a call, by the logger [#LOGGER]; of streams one more for each
/// request. Who that is, is settled once for each connection. Values and passwords never show, see [AuditedFields]. Runs on event loops; the line is written there, so that a call is
/// answered only after it.
public final class AuditLog extends ServerTransportFilter implements ServerInterceptor {
    /// The logger's name.
    public static final String LOGGER = "lattice.audit";

    private static final Logger LOG = LoggerFactory.getLogger(LOGGER);
    private static final Attributes.Key<String> WHO = Attributes.Key.create("lattice-who");
    private static final String ANONYMOUS = "anonymous";
    private static final String NO_TENANT = "-";

    /// What changes nothing. A method that isn't listed is always written down.
    private static final Set<String> READS =
            Set.of(
                    "etcdserverpb.KV/Range",
                    "etcdserverpb.KV/RangeStream",
                    "etcdserverpb.Watch/Watch",
                    "etcdserverpb.Lease/LeaseKeepAlive",
                    "etcdserverpb.Lease/LeaseTimeToLive",
                    "etcdserverpb.Lease/LeaseLeases",
                    "etcdserverpb.Cluster/MemberList",
                    "etcdserverpb.Maintenance/Status",
                    "etcdserverpb.Maintenance/Hash",
                    "etcdserverpb.Maintenance/HashKV",
                    "etcdserverpb.Auth/AuthStatus",
                    "v3electionpb.Election/Leader",
                    "v3electionpb.Election/Observe",
                    "grpc.health.v1.Health/Check",
                    "grpc.health.v1.Health/Watch");

    private final boolean reads;
    private final RequestIds ids;
    private final TenantNames tenants;

    /// Tells which tenant a call belongs to.
    @FunctionalInterface
    public interface TenantNames {
        /// The tenant's name, null if the call has none.
        @Nullable String of(ServerCall<?, ?> call, Metadata headers);
    }

    /// @param reads whether calls that change nothing are written down too
    public AuditLog(boolean reads, RequestIds ids, TenantNames tenants) {
        this.reads = reads;
        this.ids = ids;
        this.tenants = tenants;
    }

    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        String method = call.getMethodDescriptor().getFullMethodName();
        if (!reads && READS.contains(method)) {
            return next.startCall(call, headers);
        }
        Entry entry =
                new Entry(
                        method,
                        Objects.requireNonNullElse(call.getAttributes().get(WHO), ANONYMOUS),
                        String.valueOf(call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR)),
                        Objects.requireNonNullElse(tenants.of(call, headers), NO_TENANT),
                        ids.of(headers));
        boolean streams = !call.getMethodDescriptor().getType().clientSendsOneMessage();
        ServerCall<Q, R> watched =
                new SimpleForwardingServerCall<>(call) {
                    @Override
                    public void close(Status status, Metadata trailers) {
                        entry.end(status.getCode());
                        super.close(status, trailers);
                    }
                };
        return new SimpleForwardingServerCallListener<>(next.startCall(watched, headers)) {
            @Override
            public void onMessage(Q message) {
                if (message instanceof Message request) {
                    entry.request = AuditedFields.of(request);
                    if (streams) {
                        entry.write("REQUESTED");
                    }
                }
                super.onMessage(message);
            }

            @Override
            public void onCancel() {
                entry.end(Status.Code.CANCELLED);
                super.onCancel();
            }
        };
    }

    @Override
    public Attributes transportReady(Attributes transport) {
        return transport.toBuilder().set(WHO, who(transport)).build();
    }

    /// The common name of the client's certificate.
    private static String who(Attributes transport) {
        SSLSession session = transport.get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
        if (session == null) {
            return ANONYMOUS;
        }
        try {
            return session.getPeerCertificates()[0] instanceof X509Certificate certificate
                    ? name(certificate)
                    : ANONYMOUS;
        } catch (SSLPeerUnverifiedException e) {
            // It showed none.
            return ANONYMOUS;
        }
    }

    private static String name(X509Certificate certificate) {
        List<String> names = SubjectNames.common(certificate);
        return names.isEmpty() ? certificate.getSubjectX500Principal().getName() : names.getFirst();
    }

    /// What is known of one call. Touched by its event loop, and by the thread that answers it.
    private static final class Entry {
        private final String method;
        private final String who;
        private final String from;
        private final String tenant;
        private final String id;
        private volatile String request = "";
        private boolean ended;

        Entry(String method, String who, String from, String tenant, String id) {
            this.method = method;
            this.who = who;
            this.from = from;
            this.tenant = tenant;
            this.id = id;
        }

        private void end(Status.Code outcome) {
            synchronized (this) {
                if (ended) {
                    return;
                }
                ended = true;
            }
            write(outcome.name());
        }

        private void write(String outcome) {
            LOG.info(
                    "{} {} {} {} {} {} {}",
                    keyValue("who", who),
                    keyValue("from", from),
                    keyValue("tenant", tenant),
                    keyValue("operation", method),
                    keyValue("request", request),
                    keyValue("outcome", outcome),
                    keyValue("request_id", id));
        }
    }
}
