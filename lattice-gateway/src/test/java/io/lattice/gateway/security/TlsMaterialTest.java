package io.lattice.gateway.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lattice.gateway.security.TlsMaterial.Part;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TlsMaterialTest {
    @TempDir Path directory;
    private TlsFiles files;

    @BeforeEach
    void createFiles() throws IOException {
        DevCertificates certificates = DevCertificates.createCa(directory, Instant.now());
        files = certificates.createServer("n1", "n1", "here");
    }

    @Test
    void loadsWhatBelongsTogether() throws IOException {
        TlsMaterial material = TlsMaterial.load(files);

        assertThat(material.chain()).hasSize(1);
        assertThat(material.ca()).hasSize(1);
        assertThat(TlsMaterial.problems(files)).isEmpty();
    }

    @Test
    void findsTheKeyOfAnotherCertificate() throws IOException {
        Path other =
                DevCertificates.createCa(directory.resolve("other"), Instant.now())
                        .createClient("x")
                        .key();

        assertThat(TlsMaterial.problems(new TlsFiles(files.chain(), other, files.ca())))
                .singleElement()
                .satisfies(problem -> {
                    assertThat(problem.part()).isEqualTo(Part.KEY);
                    assertThat(problem.found()).contains("not the certificate's key");
                });
    }

    @Test
    void findsCertificatesOutOfTheirTime() throws IOException {
        Duration years = Duration.ofDays(700);
        TlsFiles expired =
                DevCertificates.createCa(directory.resolve("old"), Instant.now().minus(years))
                        .createClient("x");
        TlsFiles early =
                DevCertificates.createCa(directory.resolve("new"), Instant.now().plus(years))
                        .createClient("x");

        assertThat(TlsMaterial.problems(expired))
                .singleElement()
                .satisfies(problem -> assertThat(problem.found()).contains("expired on"));
        assertThat(TlsMaterial.problems(early))
                .singleElement()
                .satisfies(problem -> assertThat(problem.found()).contains("not valid before"));
    }

    @Test
    void findsEverythingAtOnce() {
        Path none = directory.resolve("none");

        assertThat(TlsMaterial.problems(new TlsFiles(none, none, none)))
                .extracting(TlsMaterial.Problem::part)
                .containsExactlyInAnyOrder(Part.CHAIN, Part.KEY, Part.CA);
        assertThatThrownBy(() -> TlsMaterial.load(new TlsFiles(none, none, none)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("does not exist");
    }

    @ParameterizedTest
    @CsvSource({
        "'', no private key in it",
        "'-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----', not a private key of",
        "'-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----', convert it with",
        "'-----BEGIN ENCRYPTED PRIVATE KEY-----\nA\n-----END ENCRYPTED PRIVATE KEY-----', encrypted",
        "'-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nA\n-----END RSA PRIVATE KEY-----', encrypted"
    })
    void findsFilesWithoutAUsableKey(String content, String found) throws IOException {
        Path bad = Files.writeString(directory.resolve("bad.key"), content);

        assertThat(TlsMaterial.problems(new TlsFiles(files.chain(), bad, files.ca())))
                .singleElement()
                .satisfies(problem -> assertThat(problem.found()).contains(found));
    }

    @Test
    void findsFilesWithoutACertificate() throws IOException {
        Path empty = Files.writeString(directory.resolve("empty.crt"), "");
        Path bad = Files.writeString(directory.resolve("bad.crt"), "certificate");

        assertThat(TlsMaterial.problems(new TlsFiles(empty, files.key(), bad)))
                .extracting(TlsMaterial.Problem::part)
                .containsExactlyInAnyOrder(Part.CHAIN, Part.CA);
    }

    /// `openssl genrsa` of version 1 wrote this form.
    @Test
    void readsRsaKeysInPkcs1() throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
        KeyPair keys = generator.generateKeyPair();

        PrivateKey read = PemKey.read(pkcs1(keys.getPrivate()), "RSA");

        assertThat(read).isEqualTo(keys.getPrivate());
    }

    /// PKCS#8 of an RSA key is a header of 26 bytes and then PKCS#1, for keys of this size.
    private static String pkcs1(PrivateKey key) {
        byte[] pkcs8 = key.getEncoded();
        ByteArrayOutputStream der = new ByteArrayOutputStream();
        der.writeBytes(Arrays.copyOfRange(pkcs8, 26, pkcs8.length));
        return "-----BEGIN RSA PRIVATE KEY-----\n"
                + Base64.getMimeEncoder().encodeToString(der.toByteArray())
                + "\n-----END RSA PRIVATE KEY-----\n";
    }
}
