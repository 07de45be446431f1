package io.lattice.gateway.security;

import java.nio.file.Path;
import java.util.Objects;

/// The three PEM files that one mutually authenticated endpoint needs. All or none: an endpoint
/// either has a [TlsFiles] or speaks plain text.
///
/// @param chain the node's certificate, leaf first, followed by its intermediates
/// @param key the leaf's private key, unencrypted PKCS#8
/// @param ca the certificates that a peer's certificate must chain up to
public record TlsFiles(Path chain, Path key, Path ca) {
    public TlsFiles {
        Objects.requireNonNull(chain, "chain");
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(ca, "ca");
    }
}
