package io.lattice.cp.routing;

/// Counts the moves of a tenant. Every replicated command carries the epoch it was routed by, so that a
/// command routed before a move is refused after it.
///
/// @param value positive; higher is later
public record RoutingEpoch(long value) {
    public RoutingEpoch {
        if (value < 1) {
            throw new IllegalArgumentException(
                    "routing epoch: found " + value + "; allowed 1 or more");
        }
    }
}
