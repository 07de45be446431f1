package io.lattice.gateway.security;

import java.io.ByteArrayOutputStream;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Reads a private key in PEM. Takes PKCS#8, and PKCS#1 since `openssl genrsa` wrote that for
/// decades.
final class PemKey {
    private static final Pattern BLOCK =
            Pattern.compile(
                    "-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----(.*?)-----END \\1-----",
                    Pattern.DOTALL);

    /// What stands before an RSA key (PKCS#1) to make it PKCS#8: version 0 and the algorithm
    /// rsaEncryption with no parameters.
    private static final byte[] RSA_HEADER =
            HexFormat.of().parseHex("020100300d06092a864886f70d0101010500");

    private PemKey() {}

    /// Reads the first private key of a PEM text.
    ///
    /// @param algorithm of the certificate's key, as JCA names it
    /// @throws GeneralSecurityException if there is no such key; the message says why
    static PrivateKey read(String pem, String algorithm) throws GeneralSecurityException {
        Matcher block = BLOCK.matcher(pem);
        if (!block.find()) {
            throw new InvalidKeySpecException("no private key in it");
        }
        // In PKCS#8 the type says so, in older forms a header.
        if (block.group().contains("ENCRYPTED")) {
            throw new InvalidKeySpecException("the private key is encrypted");
        }
        byte[] der;
        try {
            der = Base64.getMimeDecoder().decode(block.group(2));
        } catch (IllegalArgumentException e) {
            throw new InvalidKeySpecException("the private key is not valid base64", e);
        }
        byte[] pkcs8 =
                switch (block.group(1)) {
                    case "PRIVATE KEY" -> der;
                    case "RSA PRIVATE KEY" -> wrapRsa(der);
                    default ->
                            throw new InvalidKeySpecException(
                                    "the private key has the form "
                                            + block.group(1)
                                            + "; convert it with openssl pkcs8 -topk8 -nocrypt");
                };
        try {
            return KeyFactory.getInstance(algorithm)
                    .generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
        } catch (InvalidKeySpecException e) {
            throw new InvalidKeySpecException("not a private key of algorithm " + algorithm, e);
        }
    }

    private static byte[] wrapRsa(byte[] pkcs1) {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        body.writeBytes(RSA_HEADER);
        body.writeBytes(element(0x04, pkcs1));
        return element(0x30, body.toByteArray());
    }

    /// A DER element: tag, length in the long form of two to four bytes or the short one, content.
    private static byte[] element(int tag, byte[] content) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(tag);
        int length = content.length;
        if (length < 0x80) {
            out.write(length);
        } else {
            int bytes = (Integer.SIZE - Integer.numberOfLeadingZeros(length) + 7) / 8;
            out.write(0x80 | bytes);
            for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
                out.write(length >>> shift);
            }
        }
        out.writeBytes(content);
        return out.toByteArray();
    }
}
