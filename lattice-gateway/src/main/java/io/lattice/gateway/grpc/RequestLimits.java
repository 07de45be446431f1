package io.lattice.gateway.grpc;

import java.time.Duration;

/// Bounds of a single request.
///
/// @param requestBytes encoded size of the replicated request, bytes
/// @param txnOps operations of a txn
/// @param timeout how long a request may wait for consensus
public record RequestLimits(int requestBytes, int txnOps, Duration timeout) {
    /// What etcd's replicated form adds to a request: its own header with a request id, and the field around it.
    private static final int ENVELOPE_BYTES = 19;

    boolean isTooLarge(int encodedBytes) {
        return encodedBytes + ENVELOPE_BYTES > requestBytes;
    }
}
