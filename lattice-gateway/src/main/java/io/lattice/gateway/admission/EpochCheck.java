package io.lattice.gateway.admission;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.lattice.cp.routing.RoutingEpoch;
import io.lattice.cp.routing.RoutingTable;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/// Refuses calls that were routed by another epoch of their tenant than the current one. A client that names none, as
/// etcd's do, is served wherever its tenant is. A stream is held to it when it begins.
///
/// Thread-safe; never blocks.
public final class EpochCheck {
    /// The routing epoch that the caller went by.
    public static final Metadata.Key<String> EPOCH =
            Metadata.Key.of("lattice-routing-epoch", Metadata.ASCII_STRING_MARSHALLER);

    private static final String DOMAIN = "lattice";
    private static final String REASON = "RoutingEpochChanged";

    /// Expected where a tenant is nowhere any more.
    private static final long NOWHERE = 0;

    private final RoutingTable routes;
    private final LongAdder refused;

    /// @param routes looked up at each call that names an epoch, so that a change holds from the next one on
    /// @param refused counts the calls that named another epoch
    public EpochCheck(RoutingTable routes, LongAdder refused) {
        this.routes = routes;
        this.refused = refused;
    }

    /// What a call is to be refused with, null if nothing is wrong.
    @Nullable StatusRuntimeException refusal(String tenant, Metadata headers) {
        String named = headers.get(EPOCH);
        if (named == null) {
            return null;
        }
        RoutingEpoch observed;
        try {
            observed = new RoutingEpoch(Long.parseLong(named));
        } catch (IllegalArgumentException e) {
            return Status.INVALID_ARGUMENT
                    .withDescription(
                            "lattice: metadata lattice-routing-epoch: found \""
                                    + named
                                    + "\"; allowed a number, 1 or more")
                    .withCause(e)
                    .asRuntimeException();
        }
        long expected = routes.route(tenant).map(route -> route.epoch().value()).orElse(NOWHERE);
        if (expected == observed.value()) {
            return null;
        }
        refused.increment();
        return changed(expected, observed.value());
    }

    private static StatusRuntimeException changed(long expected, long observed) {
        return StatusProto.toStatusRuntimeException(
                com.google.rpc.Status.newBuilder()
                        .setCode(Status.Code.FAILED_PRECONDITION.value())
                        .setMessage(
                                "routing epoch changed (expected: %d, observed: %d)"
                                        .formatted(expected, observed))
                        .addDetails(
                                Any.pack(
                                        ErrorInfo.newBuilder()
                                                .setReason(REASON)
                                                .setDomain(DOMAIN)
                                                .putMetadata("expected", Long.toString(expected))
                                                .putMetadata("observed", Long.toString(observed))
                                                .build()))
                        .build());
    }
}
