package io.lattice.it.cluster;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What differs between the servers that a [TestCluster] can run.
public sealed interface ServerKind permits EtcdKind, LatticeKind {

    /// A cluster as its nodes' configuration describes it.
    ///
    /// @param tls null: plain text
    record Layout(String name, List<NodeSpec> nodes, @Nullable TlsMaterial tls) {
        public Layout {
            nodes = List.copyOf(nodes);
        }

        String scheme() {
            return tls == null ? "http" : "https";
        }
    }

    /// Writes what the node needs before its first start. Called again for a node that was wiped.
    void prepare(NodeSpec node, Layout layout);

    /// The command line that runs the node in the foreground.
    ///
    /// @param rejoining whether the node starts after its stores were removed
    List<String> command(NodeSpec node, Layout layout, boolean rejoining);

    /// Added to the environment of the node's process.
    Map<String, String> environment(NodeSpec node);
}
