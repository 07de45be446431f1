package io.lattice.cp.manifest;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// Digests of manifests and names.
public final class Sha256 {
    private Sha256() {}

    /// The 32 bytes.
    public static byte[] digest(byte[] content) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(content);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /// `sha256:` and 64 hexadecimal digits.
    public static String tagged(byte[] content) {
        return "sha256:" + HexFormat.of().formatHex(digest(content));
    }
}
