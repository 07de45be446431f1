package io.lattice.gateway.security;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.Set;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/// Makes a CA and certificates for a cluster on one machine, so that a newcomer runs mTLS without
/// knowing how to make certificates. All keys are P-256, in unencrypted PKCS#8 that only the owner may
/// read. Not for production: the CA's key lies beside what it signed.
///
/// Used by one thread.
public final class DevCertificates {
    private static final Duration CA_LIFE = Duration.ofDays(3650);
    private static final Duration LEAF_LIFE = Duration.ofDays(365);

    /// Certificates begin this much in the past, for clocks that are behind.
    private static final Duration SKEW = Duration.ofHours(1);

    private static final int SERIAL_BITS = 159;
    private static final Set<PosixFilePermission> PRIVATE =
            PosixFilePermissions.fromString("rw-------");

    private final Path directory;
    private final Instant now;
    private final SecureRandom random = new SecureRandom();
    private final X500Name caName = name("Lattice development CA");
    private final KeyPair caKeys;

    private DevCertificates(Path directory, Instant now) throws GeneralSecurityException {
        this.directory = directory;
        this.now = now;
        this.caKeys = newKeys();
    }

    /// Makes a CA in a directory, as `ca.crt` and `ca.key`.
    ///
    /// @param directory is created if it doesn't exist
    /// @param now the certificates are valid from an hour before
    /// @throws IOException if a file can't be written, or one of that name exists
    public static DevCertificates createCa(Path directory, Instant now) throws IOException {
        try {
            DevCertificates certificates = new DevCertificates(directory, now);
            certificates.writeCa();
            return certificates;
        } catch (GeneralSecurityException e) {
            throw unavailable(e);
        }
    }

    /// Makes `<subdirectory>/server.crt` and `server.key` for a node. They serve both sides of a
    /// connection, since the nodes dial each other.
    ///
    /// @param hostName this machine's name, valid beside `localhost`, `127.0.0.1` and `::1`
    public TlsFiles createServer(String subdirectory, String nodeId, String hostName)
            throws IOException {
        List<GeneralName> names = new ArrayList<>();
        names.add(new GeneralName(GeneralName.dNSName, "localhost"));
        if (!hostName.equals("localhost")) {
            names.add(new GeneralName(GeneralName.dNSName, hostName));
        }
        names.add(new GeneralName(GeneralName.iPAddress, "127.0.0.1"));
        names.add(new GeneralName(GeneralName.iPAddress, "::1"));
        Path target = directory.resolve(subdirectory);
        Path chain = target.resolve("server.crt");
        Path key = target.resolve("server.key");
        KeyPurposeId[] usages = {KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth};
        writeLeaf(chain, key, name(nodeId), usages, names);
        return new TlsFiles(chain, key, caFile());
    }

    /// Makes `client.crt` and `client.key`.
    ///
    /// @param commonName the user's name, if the server takes users from certificates
    public TlsFiles createClient(String commonName) throws IOException {
        Path chain = directory.resolve("client.crt");
        Path key = directory.resolve("client.key");
        KeyPurposeId[] usages = {KeyPurposeId.id_kp_clientAuth};
        writeLeaf(chain, key, name(commonName), usages, List.of());
        return new TlsFiles(chain, key, caFile());
    }

    private Path caFile() {
        return directory.resolve("ca.crt");
    }

    private void writeCa() throws IOException, GeneralSecurityException {
        X509v3CertificateBuilder builder = builder(caName, caKeys.getPublic(), CA_LIFE);
        builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
        builder.addExtension(
                Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
        write(caFile(), "CERTIFICATE", sign(builder), false);
        writeKey(directory.resolve("ca.key"), caKeys.getPrivate());
    }

    private void writeLeaf(
            Path chain, Path key, X500Name subject, KeyPurposeId[] usages, List<GeneralName> names)
            throws IOException {
        try {
            KeyPair keys = newKeys();
            X509v3CertificateBuilder builder = builder(subject, keys.getPublic(), LEAF_LIFE);
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(false));
            builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature));
            builder.addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(usages));
            if (!names.isEmpty()) {
                builder.addExtension(
                        Extension.subjectAlternativeName,
                        false,
                        new GeneralNames(names.toArray(GeneralName[]::new)));
            }
            write(chain, "CERTIFICATE", sign(builder), false);
            writeKey(key, keys.getPrivate());
        } catch (GeneralSecurityException e) {
            throw unavailable(e);
        }
    }

    private X509v3CertificateBuilder builder(X500Name subject, PublicKey key, Duration life)
            throws IOException, GeneralSecurityException {
        X509v3CertificateBuilder builder =
                new JcaX509v3CertificateBuilder(
                        caName,
                        new BigInteger(SERIAL_BITS, random).add(BigInteger.ONE),
                        Date.from(now.minus(SKEW)),
                        Date.from(now.plus(life)),
                        subject,
                        key);
        JcaX509ExtensionUtils identifiers = new JcaX509ExtensionUtils();
        builder.addExtension(
                Extension.subjectKeyIdentifier, false, identifiers.createSubjectKeyIdentifier(key));
        builder.addExtension(
                Extension.authorityKeyIdentifier,
                false,
                identifiers.createAuthorityKeyIdentifier(caKeys.getPublic()));
        return builder;
    }

    private byte[] sign(X509v3CertificateBuilder builder) throws IOException {
        try {
            return builder.build(
                            new JcaContentSignerBuilder("SHA256withECDSA")
                                    .build(caKeys.getPrivate()))
                    .getEncoded();
        } catch (OperatorCreationException e) {
            throw unavailable(e);
        }
    }

    private KeyPair newKeys() throws GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec("secp256r1"), random);
        return generator.generateKeyPair();
    }

    private static void writeKey(Path file, PrivateKey key) throws IOException {
        write(file, "PRIVATE KEY", key.getEncoded(), true);
    }

    private static void write(Path file, String type, byte[] der, boolean isPrivate)
            throws IOException {
        Path parent = file.getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        if (isPrivate) {
            // The mode is set as the file is created, so that the key is never readable by others.
            Files.createFile(file, PosixFilePermissions.asFileAttribute(PRIVATE));
        } else {
            Files.createFile(file);
        }
        Base64.Encoder encoder = Base64.getMimeEncoder(64, new byte[] {'\n'});
        String pem =
                "-----BEGIN %s-----\n%s\n-----END %s-----\n"
                        .formatted(type, encoder.encodeToString(der), type);
        Files.writeString(file, pem, StandardCharsets.US_ASCII, StandardOpenOption.WRITE);
    }

    private static X500Name name(String commonName) {
        return new X500NameBuilder(BCStyle.INSTANCE)
                .addRDN(BCStyle.O, "Lattice")
                .addRDN(BCStyle.CN, commonName)
                .build();
    }

    /// Every Java runtime has P-256 and SHA-256 with ECDSA.
    private static IllegalStateException unavailable(Exception e) {
        return new IllegalStateException("no P-256 in this Java runtime", e);
    }
}
