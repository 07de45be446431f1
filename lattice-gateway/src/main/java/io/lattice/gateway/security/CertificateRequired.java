package io.lattice.gateway.security;

import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Refuses calls of clients that have shown no certificate. One that was shown has been verified in the handshake. Used
/// where the port speaks TLS only.
public final class CertificateRequired implements ServerInterceptor {
    private static final Logger LOG = LoggerFactory.getLogger(CertificateRequired.class);
    private static final Status MISSING =
            Status.UNAUTHENTICATED.withDescription(
                    "lattice: a client certificate is required, and none was presented in the TLS"
                            + " handshake");

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        if (hasCertificate(call.getAttributes())) {
            return next.startCall(call, headers);
        }
        call.close(MISSING, new Metadata());
        return new ServerCall.Listener<>() {};
    }

    private static boolean hasCertificate(Attributes attributes) {
        SSLSession session = attributes.get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
        if (session == null) {
            return false;
        }
        try {
            return session.getPeerCertificates().length > 0;
        } catch (SSLPeerUnverifiedException e) {
            LOG.debug("a call without a client certificate", e);
            return false;
        }
    }
}
