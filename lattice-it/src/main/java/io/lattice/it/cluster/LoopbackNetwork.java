package io.lattice.it.cluster;

import java.util.List;

/// All nodes on one address of this machine.
public record LoopbackNetwork(String host) implements TestNetwork {
    /// All nodes on 127.0.0.1.
    public LoopbackNetwork() {
        this("127.0.0.1");
    }

    @Override
    public String address(int index) {
        return host;
    }

    @Override
    public LoopbackNetwork outside() {
        return this;
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
