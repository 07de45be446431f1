package io.lattice.gateway.raft;

import io.lattice.proto.peer.PeerReply;
import io.lattice.proto.peer.PeerRequest;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Asks other nodes. Thread-safe.
interface PeerSender {
    /// Sends a request.
    ///
    /// @param request without an id
    /// @param callback runs once, on any thread, with null if there's no such member or its connection broke; the
    ///     request may have reached the peer nevertheless
    void send(String nodeId, PeerRequest.Builder request, Consumer<@Nullable PeerReply> callback);
}
