package io.lattice.gateway.admission;

import io.lattice.proto.command.Command;

/// Where a tenant's calls go.
///
/// @param keyspace the number that begins every key of the tenant in the store
/// @param epoch of the routing entry that says so; replicated with each command
public record Route(int keyspace, long epoch) {
    /// A command of the tenant's, without its operation.
    public Command.Builder command() {
        return Command.newBuilder().setKeyspace(keyspace).setRoutingEpoch(epoch);
    }
}
