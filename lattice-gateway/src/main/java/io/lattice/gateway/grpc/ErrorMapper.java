package io.lattice.gateway.grpc;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.lattice.cp.cache.CacheState;
import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.statemachine.apply.Refusal;
import io.lattice.statemachine.apply.RefusalException;
import io.lattice.statemachine.apply.StoreUnavailableException;
import java.time.Duration;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Turns everything that can go wrong into the status that a client of etcd expects: clients match codes and texts.
/// Source of the texts: etcd's `api/v3rpc/rpctypes/error.go`.
public final class ErrorMapper {
    private static final Logger LOG = LoggerFactory.getLogger(ErrorMapper.class);

    private ErrorMapper() {}

    /// A refusal by the state machine or by a static check.
    public static Status status(Refusal refusal) {
        return Status.fromCodeValue(refusal.grpcCode()).withDescription(refusal.text());
    }

    /// A request that got no outcome. Unavailable is ambiguous to etcd's clients, as it must be for the first two.
    public static Status status(ProposalFailure failure) {
        return switch (failure) {
            case TIMED_OUT -> Status.UNAVAILABLE.withDescription("etcdserver: request timed out");
            case LEADER_LOST ->
                    Status.UNAVAILABLE.withDescription(
                            "etcdserver: request timed out, possibly due to previous leader"
                                    + " failure");
            case TOO_MANY_REQUESTS ->
                    Status.RESOURCE_EXHAUSTED.withDescription("etcdserver: too many requests");
            case STOPPED -> Status.UNAVAILABLE.withDescription("etcdserver: server stopped");
        };
    }

    /// A refusal since the manifest is too old. Clients match on the words and on the details' reason.
    ///
    /// @param age since the control plane last confirmed it
    static StatusRuntimeException outdated(CacheState state, Duration age) {
        ErrorInfo info =
                ErrorInfo.newBuilder()
                        .setReason("LinearizabilityUnavailable")
                        .setDomain("lattice")
                        .putMetadata("cause", "ControlPlaneCache" + state)
                        .putMetadata("cache_state", state.toString())
                        .putMetadata("cache_age_seconds", Long.toString(age.toSeconds()))
                        .build();
        return StatusProto.toStatusRuntimeException(
                com.google.rpc.Status.newBuilder()
                        .setCode(Status.Code.UNAVAILABLE.value())
                        .setMessage(
                                "lattice: linearizability unavailable: the control plane has not"
                                        + " confirmed the manifest for "
                                        + age.toSeconds()
                                        + " s, so it is "
                                        + state)
                        .addDetails(Any.pack(info))
                        .build());
    }

    /// Anything thrown while a call was served. What nobody expected is logged with its trace.
    public static Status status(Throwable t) {
        return switch (t) {
            case RefusalException e -> status(e.refusal());
            case StoreUnavailableException e ->
                    Status.UNAVAILABLE
                            .withDescription(
                                    "etcdserver: request timed out, waiting for the applied index"
                                            + " took too long")
                            .withCause(e);
            case RejectedExecutionException e ->
                    status(ProposalFailure.TOO_MANY_REQUESTS).withCause(e);
            case TimeoutException e -> status(ProposalFailure.TIMED_OUT).withCause(e);
            case CompletionException e when e.getCause() != null -> status(e.getCause());
            case StatusRuntimeException e -> e.getStatus();
            case StatusException e -> e.getStatus();
            default -> {
                LOG.error("a call failed unexpectedly", t);
                yield Status.INTERNAL.withDescription("lattice: internal error: " + t);
            }
        };
    }
}
