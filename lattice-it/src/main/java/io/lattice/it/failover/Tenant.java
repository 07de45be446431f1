package io.lattice.it.failover;

import io.lattice.it.cluster.NodeClient;
import io.lattice.it.cluster.TestCluster;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// A tenant of a cluster.
///
/// @param name null: the default one, which nobody has to name
/// @param targets how its clients reach the nodes
record Tenant(@Nullable String name, List<Target> targets) {
    Tenant {
        targets = List.copyOf(targets);
    }

    /// The tenant with clients that go to the nodes themselves.
    static Tenant of(TestCluster cluster, @Nullable String name) {
        return new Tenant(
                name,
                IntStream.range(0, cluster.size())
                        .mapToObj(i -> Target.of(cluster, i, name))
                        .toList());
    }

    /// As messages call it.
    String title() {
        return name == null ? "default" : name;
    }

    /// Our own connection to a node, for what this tenant has there.
    NodeClient client(TestCluster cluster, int node) {
        NodeClient client = cluster.client(node);
        return name == null ? client : client.naming(name);
    }
}
