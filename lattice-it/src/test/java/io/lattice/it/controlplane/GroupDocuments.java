package io.lattice.it.controlplane;

import io.lattice.it.cluster.NodeSpec;
import io.lattice.it.cluster.TestCluster;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Documents of groups in a manifest.
final class GroupDocuments {
    private GroupDocuments() {}

    /// A group whose voters are the first nodes of a cluster.
    static String first(TestCluster cluster, int nodes) {
        return of(cluster, IntStream.range(0, nodes).toArray());
    }

    /// A group whose voters are these nodes of a cluster.
    static String of(TestCluster cluster, int... nodes) {
        return IntStream.of(nodes)
                .mapToObj(i -> {
                    NodeSpec node = cluster.node(i);
                    return "{\"nodeId\": \"%s\", \"raftAddress\": \"%s:%d\", \"clientUrls\": [\"%s\"]}"
                            .formatted(
                                    node.name(),
                                    node.host(),
                                    node.raftPort(),
                                    cluster.clientUrl(i));
                })
                .collect(Collectors.joining(", ", "{\"replicas\": [", "]}"));
    }
}
