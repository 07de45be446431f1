package io.lattice.gateway.admission;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.protobuf.MessageLite;
import com.google.rpc.RetryInfo;
import io.grpc.Attributes;
import io.grpc.Context;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerTransportFilter;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.lattice.gateway.admission.Tenants.Caller;
import java.security.cert.X509Certificate;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/// Gives each call its tenant and holds the tenant to its quota.
///
/// Who a connection is is settled once, when its handshake is done; which tenants that is for, once for each manifest. A call
/// only chooses among them. What a call may not use and what doesn't exist are answered alike.
///
/// Every call counts as one request, but those of LeaseKeepAlive, without which a tenant that is over its quota would lose its
/// leases too. The messages of a Watch stream don't count, nor do the events sent on it: each event is the echo of a write
/// that counted. Bytes are those of requests and of responses to calls that aren't streams of the client's.
///
/// Thread-safe. Runs on the event loops.
public final class TenantAdmission extends ServerTransportFilter implements ServerInterceptor {
    /// Names a tenant that the caller may use.
    public static final Metadata.Key<String> TENANT =
            Metadata.Key.of("lattice-tenant", Metadata.ASCII_STRING_MARSHALLER);

    private static final Attributes.Key<Connection> CONNECTION =
            Attributes.Key.create("lattice-connection");

    /// Asked by what has no tenant.
    private static final String HEALTH_SERVICE = "grpc.health.v1.Health";

    private static final Set<String> UNCOUNTED = Set.of("etcdserverpb.Lease/LeaseKeepAlive");

    private final Supplier<Tenants> tenants;
    private final EpochCheck epochs;
    private final boolean insecure;

    /// Admits calls of these tenants.
    ///
    /// @param tenants asked anew for each call
    /// @param epochs looks at the routing epoch of each call, before the quota does
    /// @param insecure whether a connection without TLS may use them all; otherwise it may use none
    public TenantAdmission(Supplier<Tenants> tenants, EpochCheck epochs, boolean insecure) {
        this.tenants = tenants;
        this.epochs = epochs;
        this.insecure = insecure;
    }

    @Override
    public Attributes transportReady(Attributes transport) {
        return transport.toBuilder().set(CONNECTION, connection(transport)).build();
    }

    private Connection connection(Attributes transport) {
        SSLSession session = transport.get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
        if (session == null) {
            return new Connection(insecure ? Tenants::insecure : Tenants::uncertified);
        }
        try {
            if (session.getPeerCertificates()[0] instanceof X509Certificate certificate) {
                Set<String> identities = ClientIdentities.of(certificate);
                String serverName = serverName(session);
                return new Connection(now -> now.certified(identities, serverName));
            }
            return new Connection(Tenants::uncertified);
        } catch (SSLPeerUnverifiedException e) {
            return new Connection(Tenants::uncertified);
        }
    }

    private static @Nullable String serverName(SSLSession session) {
        if (session instanceof ExtendedSSLSession extended) {
            for (SNIServerName name : extended.getRequestedServerNames()) {
                if (name instanceof SNIHostName host) {
                    return host.getAsciiName();
                }
            }
        }
        return null;
    }

    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        var method = call.getMethodDescriptor();
        if (HEALTH_SERVICE.equals(method.getServiceName())) {
            return next.startCall(call, headers);
        }
        String name = headers.get(TENANT);
        Tenant tenant = callerOf(call).choose(name);
        if (tenant == null) {
            return refuse(call, denied(name).asRuntimeException());
        }
        StatusRuntimeException outdated = epochs.refusal(tenant.name(), headers);
        if (outdated != null) {
            return refuse(call, outdated);
        }
        Status unserved = tenant.refusal();
        if (unserved != null) {
            return refuse(call, unserved.asRuntimeException());
        }
        TenantMeter meter = tenant.meter();
        boolean counts = !UNCOUNTED.contains(method.getFullMethodName());
        boolean unary = method.getType().clientSendsOneMessage();
        if (counts && !unary) {
            long waitNanos = meter.admit(0);
            if (waitNanos > 0) {
                return refuse(call, overQuota(waitNanos));
            }
        }
        ServerCall<Q, R> counted =
                counts && unary && meter.countsBytes() ? new CountedCall<>(call, meter) : call;
        Context context = tenant.in(Context.current());
        Context outer = context.attach();
        try {
            ServerCall.Listener<Q> service = next.startCall(counted, headers);
            return new Listener<>(service, call, context, counts && unary ? meter : null);
        } finally {
            context.detach(outer);
        }
    }

    /// The name of the tenant that a call belongs to, null if it has none or may not use the one that it names.
    public @Nullable String tenantName(ServerCall<?, ?> call, Metadata headers) {
        Tenant tenant = callerOf(call).choose(headers.get(TENANT));
        return tenant == null ? null : tenant.name();
    }

    private Caller callerOf(ServerCall<?, ?> call) {
        Connection connection =
                Objects.requireNonNull(
                        call.getAttributes().get(CONNECTION),
                        "a call of a connection that was not let in");
        return connection.caller(tenants.get());
    }

    private static Status denied(@Nullable String name) {
        return Status.PERMISSION_DENIED.withDescription(
                name == null
                        ? "lattice: this client must name a tenant that it may use in the metadata"
                                + " lattice-tenant"
                        : "lattice: this client may not use the tenant \"" + name + "\"");
    }

    private static <Q> ServerCall.Listener<Q> refuse(
            ServerCall<Q, ?> call, StatusRuntimeException why) {
        Metadata trailers = why.getTrailers();
        call.close(why.getStatus(), trailers == null ? new Metadata() : trailers);
        return new ServerCall.Listener<>() {};
    }

    /// etcd's words, with the time to wait in the details.
    private static StatusRuntimeException overQuota(long waitNanos) {
        Duration delay =
                Duration.newBuilder()
                        .setSeconds(TimeUnit.NANOSECONDS.toSeconds(waitNanos))
                        .setNanos((int) (waitNanos % TimeUnit.SECONDS.toNanos(1)))
                        .build();
        return StatusProto.toStatusRuntimeException(
                com.google.rpc.Status.newBuilder()
                        .setCode(Status.Code.RESOURCE_EXHAUSTED.value())
                        .setMessage("etcdserver: too many requests")
                        .addDetails(Any.pack(RetryInfo.newBuilder().setRetryDelay(delay).build()))
                        .build());
    }

    /// Counts the bytes of responses.
    private static final class CountedCall<Q, R> extends SimpleForwardingServerCall<Q, R> {
        private final TenantMeter meter;

        CountedCall(ServerCall<Q, R> call, TenantMeter meter) {
            super(call);
            this.meter = meter;
        }

        @Override
        public void sendMessage(R message) {
            meter.used(size(message));
            super.sendMessage(message);
        }
    }

    private static int size(Object message) {
        return message instanceof MessageLite lite ? lite.getSerializedSize() : 0;
    }

    /// Has the service take the call with its tenant, and ends a call that is over quota.
    private static final class Listener<Q> extends SimpleForwardingServerCallListener<Q> {
        private final ServerCall<Q, ?> call;
        private final Context context;
        private final @Nullable TenantMeter meter;
        private boolean refused;

        /// @param meter takes the request in; null if it needs no leave
        Listener(
                ServerCall.Listener<Q> service,
                ServerCall<Q, ?> call,
                Context context,
                @Nullable TenantMeter meter) {
            super(service);
            this.call = call;
            this.context = context;
            this.meter = meter;
        }

        @Override
        public void onMessage(Q message) {
            long waitNanos = meter == null ? 0 : meter.admit(size(message));
            if (waitNanos > 0) {
                refused = true;
                super.onCancel();
                var _ = refuse(call, overQuota(waitNanos));
            } else if (!refused) {
                super.onMessage(message);
            }
        }

        /// A service takes a call with one request when that is complete.
        @Override
        public void onHalfClose() {
            if (refused) {
                return;
            }
            Context outer = context.attach();
            try {
                super.onHalfClose();
            } finally {
                context.detach(outer);
            }
        }

        @Override
        public void onCancel() {
            if (!refused) {
                super.onCancel();
            }
        }

        @Override
        public void onComplete() {
            if (!refused) {
                super.onComplete();
            }
        }

        @Override
        public void onReady() {
            if (!refused) {
                super.onReady();
            }
        }
    }
}
