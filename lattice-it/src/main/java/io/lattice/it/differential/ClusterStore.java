package io.lattice.it.differential;

import com.google.protobuf.Message;
import io.lattice.it.cluster.TestCluster;
import java.util.concurrent.CompletableFuture;

/// The processes of a [TestCluster] as a store.
public record ClusterStore(String name, TestCluster cluster) implements Store {
    @Override
    public int members() {
        return cluster.size();
    }

    @Override
    public CompletableFuture<Reply> send(int member, Call call, Message request) {
        return call.send(cluster.client(member).channel(), request);
    }

    @Override
    public String toString() {
        return name;
    }
}
