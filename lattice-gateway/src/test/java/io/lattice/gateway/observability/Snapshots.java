package io.lattice.gateway.observability;

import io.lattice.cp.cache.CacheState;
import java.util.List;

/// Pictures of a node for tests.
final class Snapshots {
    private Snapshots() {}

    /// A node n1 that leads n2, which lacks seven entries, with one tenant at revision 42.
    static NodeSnapshot leading() {
        return new NodeSnapshot(
                new NodeSnapshot.Identity(
                        "prod \"east\"", "n1", "0.1", "3.7.3", NodeSnapshot.Drain.SERVING),
                List.of(
                        new NodeSnapshot.Group(
                                "g1",
                                new NodeSnapshot.Consensus(
                                        "n1",
                                        true,
                                        false,
                                        true,
                                        3,
                                        new NodeSnapshot.Log(100, 100, 99, 98),
                                        2,
                                        0,
                                        List.of(
                                                new NodeSnapshot.Member(
                                                        "n1",
                                                        "h1:2380",
                                                        List.of("http://h1:2379"),
                                                        false,
                                                        null),
                                                new NodeSnapshot.Member(
                                                        "n2", "h2:2380", List.of(), true, 7L))))),
                new NodeSnapshot.ControlPlane(CacheState.STALE, 12.5, 9, "sha256:00", true),
                new NodeSnapshot.Storage(2048, 1024, 0),
                List.of(new NodeSnapshot.Tenant("default", 42, 40, 5, 1)),
                6,
                4);
    }
}
