package io.lattice.it.cluster;

import java.util.List;

/// All nodes on 127.0.0.1.
public record LoopbackNetwork() implements TestNetwork {
    @Override
    public String address(int index) {
        return "127.0.0.1";
    }

    @Override
    public List<String> prefix(int index) {
        return List.of();
    }

    @Override
    public void cutFromPeers(int index) {
        throw new UnsupportedOperationException("nodes on loopback cannot be cut off");
    }

    @Override
    public void cutFromAll(int index) {
        throw new UnsupportedOperationException("nodes on loopback cannot be cut off");
    }

    @Override
    public void heal() {}

    @Override
    public void close() {}
}
