package io.lattice.gateway.security;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// What a [TlsFiles] contains, checked: the key belongs to the leaf, and the leaf is valid today.
/// TLS libraries accept a key of another certificate and then fail every handshake, so the check comes
/// before anything uses the files.
///
/// @param chain leaf first; never empty
/// @param key the leaf's key
/// @param ca never empty
public record TlsMaterial(List<X509Certificate> chain, PrivateKey key, List<X509Certificate> ca) {
    public TlsMaterial {
        chain = List.copyOf(chain);
        ca = List.copyOf(ca);
    }

    /// Which of the three files a problem is in.
    public enum Part {
        CHAIN,
        KEY,
        CA
    }

    /// Something wrong with one of the files.
    public record Problem(Part part, String found, String allowed) {}

    /// Reads and checks the files.
    ///
    /// @throws IOException with all problems in its message
    public static TlsMaterial load(TlsFiles files) throws IOException {
        List<Problem> problems = new ArrayList<>();
        @Nullable TlsMaterial material = read(files, problems);
        if (material == null || !problems.isEmpty()) {
            throw new IOException(
                    problems.stream()
                            .map(problem -> "found " + problem.found())
                            .collect(Collectors.joining("; ", "TLS files: ", "")));
        }
        return material;
    }

    /// What is wrong with the files; empty if [#load(TlsFiles)] would succeed.
    public static List<Problem> problems(TlsFiles files) {
        List<Problem> problems = new ArrayList<>();
        @Nullable TlsMaterial material = read(files, problems);
        if (material == null && problems.isEmpty()) {
            throw new IllegalStateException("unreadable without a reason: " + files);
        }
        return List.copyOf(problems);
    }

    private static @Nullable TlsMaterial read(TlsFiles files, List<Problem> problems) {
        List<X509Certificate> ca = certificates(Part.CA, files.ca(), problems);
        List<X509Certificate> chain = certificates(Part.CHAIN, files.chain(), problems);
        @Nullable String pem = text(Part.KEY, files.key(), problems);
        if (chain.isEmpty()) {
            return null;
        }
        X509Certificate leaf = chain.getFirst();
        checkDates(leaf, files.chain(), problems);
        if (pem == null) {
            return null;
        }
        @Nullable PrivateKey key = privateKey(pem, leaf, files, problems);
        return key == null || ca.isEmpty() ? null : new TlsMaterial(chain, key, ca);
    }

    private static @Nullable PrivateKey privateKey(
            String pem, X509Certificate leaf, TlsFiles files, List<Problem> problems) {
        String allowed =
                "an unencrypted private key in PEM (PKCS#8), of the certificate's algorithm";
        try {
            PrivateKey key = PemKey.read(pem, leaf.getPublicKey().getAlgorithm());
            if (belongTogether(key, leaf.getPublicKey())) {
                return key;
            }
            problems.add(
                    new Problem(
                            Part.KEY,
                            quote(files.key()) + ", which is not the certificate's key",
                            "the key of the first certificate in " + files.chain()));
        } catch (GeneralSecurityException e) {
            problems.add(
                    new Problem(
                            Part.KEY, quote(files.key()) + " (" + e.getMessage() + ")", allowed));
        }
        return null;
    }

    private static void checkDates(X509Certificate leaf, Path file, List<Problem> problems) {
        String allowed = "a certificate that is valid now";
        try {
            leaf.checkValidity();
        } catch (CertificateExpiredException e) {
            problems.add(
                    new Problem(
                            Part.CHAIN,
                            quote(file) + ", which expired on " + leaf.getNotAfter().toInstant(),
                            allowed));
        } catch (CertificateNotYetValidException e) {
            problems.add(
                    new Problem(
                            Part.CHAIN,
                            quote(file)
                                    + ", which is not valid before "
                                    + leaf.getNotBefore().toInstant(),
                            allowed));
        }
    }

    private static List<X509Certificate> certificates(
            Part part, Path file, List<Problem> problems) {
        @Nullable String pem = text(part, file, problems);
        if (pem == null) {
            return List.of();
        }
        String allowed = "a file with X.509 certificates in PEM";
        try {
            Collection<? extends Certificate> parsed =
                    CertificateFactory.getInstance("X.509")
                            .generateCertificates(
                                    new ByteArrayInputStream(
                                            pem.getBytes(StandardCharsets.ISO_8859_1)));
            if (parsed.isEmpty()) {
                problems.add(new Problem(part, quote(file) + " without a certificate", allowed));
            }
            return parsed.stream().map(X509Certificate.class::cast).toList();
        } catch (CertificateException e) {
            problems.add(new Problem(part, quote(file) + " (" + e.getMessage() + ")", allowed));
            return List.of();
        }
    }

    private static @Nullable String text(Part part, Path file, List<Problem> problems) {
        try {
            // PEM is ASCII; what stands around it may be anything.
            return Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            problems.add(
                    new Problem(part, quote(file) + ", which does not exist", "a readable file"));
        } catch (IOException e) {
            problems.add(
                    new Problem(
                            part,
                            quote(file) + ", which can't be read (" + e + ")",
                            "a readable file"));
        }
        return null;
    }

    /// Whether what the private key signs is what the public key verifies.
    private static boolean belongTogether(PrivateKey key, PublicKey publicKey)
            throws GeneralSecurityException {
        String algorithm =
                switch (publicKey.getAlgorithm()) {
                    case "RSA" -> "SHA256withRSA";
                    case "EC" -> "SHA256withECDSA";
                    default -> publicKey.getAlgorithm();
                };
        byte[] probe = "lattice".getBytes(StandardCharsets.US_ASCII);
        Signature signature = Signature.getInstance(algorithm);
        signature.initSign(key);
        signature.update(probe);
        byte[] signed = signature.sign();
        signature.initVerify(publicKey);
        signature.update(probe);
        return signature.verify(signed);
    }

    private static String quote(Path file) {
        return '"' + file.toString() + '"';
    }
}
