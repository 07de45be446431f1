package io.lattice.gateway.raft;

import io.lattice.proto.peer.RenewReply;
import io.lattice.proto.peer.RenewRequest;
import java.util.function.Consumer;

/// Renews leases that another node asks for. Thread-safe.
@FunctionalInterface
public interface LeaseRenewer {
    /// What a node says that doesn't lead, or can't tell what became of a renewal.
    RenewReply UNDECIDED = RenewReply.newBuilder().setResult(RenewReply.Result.UNDECIDED).build();

    /// Renews leases if this node leads.
    ///
    /// @param callback runs once, on any thread
    void renew(RenewRequest request, Consumer<RenewReply> callback);
}
