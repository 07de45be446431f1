package io.lattice.it.cluster;

import java.util.List;

/// How the nodes of a [TestCluster] reach each other.
public sealed interface TestNetwork extends AutoCloseable
        permits LoopbackNetwork, NamespaceNetwork {

    /// The address of the node with this index, counted from 0.
    String address(int index);

    /// For processes on the clients' side that the nodes have to reach.
    LoopbackNetwork outside();

    /// What the command line of that node's process is prefixed with.
    List<String> prefix(int index);

    /// Drops, without a trace, all packets between that node and every other node, both ways; the clients
    /// on this side still reach it.
    ///
    /// @throws UnsupportedOperationException on loopback
    void cutFromPeers(int index);

    /// As [#cutFromPeers(int)], and the clients no longer reach the node either.
    void cutFromAll(int index);

    /// Undoes every cut.
    void heal();

    @Override
    void close();
}
