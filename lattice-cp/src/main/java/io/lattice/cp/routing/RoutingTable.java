package io.lattice.cp.routing;

import io.lattice.cp.manifest.ManifestSource;
import java.util.Optional;

/// Where each tenant is, by the newest manifest. Any thread may use it.
public final class RoutingTable {
    /// Where a tenant is.
    ///
    /// @param keyspace the id that the tenant's keys begin with
    /// @param group the Raft group that holds it
    /// @param epoch to be carried by what is routed by this
    public record Route(int keyspace, String group, RoutingEpoch epoch) {}

    private final ManifestSource source;

    /// Follows a source.
    public RoutingTable(ManifestSource source) {
        this.source = source;
    }

    /// The tenant's route; empty if the manifest has no such tenant.
    public Optional<Route> route(String tenant) {
        return Optional.ofNullable(source.current().tenants().get(tenant))
                .map(entry ->
                        new Route(
                                entry.keyspace(),
                                entry.group(),
                                new RoutingEpoch(entry.routingEpoch())));
    }
}
