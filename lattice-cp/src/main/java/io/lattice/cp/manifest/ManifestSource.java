package io.lattice.cp.manifest;

/// Where a node's manifest comes from.
public interface ManifestSource {
    /// The newest manifest that is known; [Manifest#EMPTY] before there is any. Never blocks; any
    /// thread may call it.
    Manifest current();
}
