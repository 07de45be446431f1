package io.lattice.gateway.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DevCertificatesTest {
    private static final String SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
    private static final String CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

    @TempDir Path directory;
    private DevCertificates certificates;

    @BeforeEach
    void createCa() throws IOException {
        certificates = DevCertificates.createCa(directory, Instant.now());
    }

    @Test
    void nodesAndClientsAreSignedByTheCa() throws Exception {
        TlsMaterial server = TlsMaterial.load(certificates.createServer("n1", "n1", "here"));
        TlsMaterial client = TlsMaterial.load(certificates.createClient("client"));

        X509Certificate ca = server.ca().getFirst();
        ca.verify(ca.getPublicKey());
        server.chain().getFirst().verify(ca.getPublicKey());
        client.chain().getFirst().verify(ca.getPublicKey());
        assertThat(ca.getBasicConstraints()).isNotNegative();
        assertThat(server.chain().getFirst().getBasicConstraints()).isNegative();
    }

    @Test
    void nodesMayServeAndDialAndClientsOnlyDial() throws Exception {
        TlsMaterial server = TlsMaterial.load(certificates.createServer("n1", "n1", "here"));
        TlsMaterial client = TlsMaterial.load(certificates.createClient("client"));

        assertThat(server.chain().getFirst().getExtendedKeyUsage())
                .containsExactlyInAnyOrder(SERVER_AUTH, CLIENT_AUTH);
        assertThat(client.chain().getFirst().getExtendedKeyUsage()).containsExactly(CLIENT_AUTH);
    }

    @Test
    void nodesAreKnownByAllNamesOfThisMachine() throws Exception {
        TlsMaterial server = TlsMaterial.load(certificates.createServer("n1", "n1", "here"));

        assertThat(server.chain().getFirst().getSubjectAlternativeNames())
                .map(name -> name.get(1).toString())
                .containsExactlyInAnyOrder("localhost", "here", "127.0.0.1", "0:0:0:0:0:0:0:1");
    }

    @Test
    void keysAreForTheirOwnerOnly() throws Exception {
        TlsFiles server = certificates.createServer("n1", "n1", "here");
        TlsFiles client = certificates.createClient("client");

        for (Path key : new Path[] {directory.resolve("ca.key"), server.key(), client.key()}) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(key)))
                    .isEqualTo("rw-------");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void clientAndNodeShakeHands(String protocol) throws Exception {
        SSLContext server = context(certificates.createServer("n1", "n1", "here"));
        SSLContext client = context(certificates.createClient("client"));

        try (SSLServerSocket listening =
                        (SSLServerSocket) server.getServerSocketFactory().createServerSocket(0);
                ExecutorService acceptor = Executors.newSingleThreadExecutor()) {
            listening.setNeedClientAuth(true);
            listening.setEnabledProtocols(new String[] {protocol});
            Future<Integer> received =
                    acceptor.submit(() -> {
                        try (SSLSocket accepted = (SSLSocket) listening.accept()) {
                            return accepted.getInputStream().read();
                        }
                    });
            try (SSLSocket socket =
                    (SSLSocket)
                            client.getSocketFactory()
                                    .createSocket("localhost", listening.getLocalPort())) {
                SSLParameters parameters = socket.getSSLParameters();
                parameters.setEndpointIdentificationAlgorithm("HTTPS");
                socket.setSSLParameters(parameters);
                socket.getOutputStream().write(42);
                assertThat(received.get(10, TimeUnit.SECONDS)).isEqualTo(42);
            }
        }
    }

    @Test
    void overwritesNothing() throws IOException {
        certificates.createClient("client");

        assertThatThrownBy(() -> certificates.createClient("client"))
                .isInstanceOf(FileAlreadyExistsException.class);
    }

    private static SSLContext context(TlsFiles files) throws Exception {
        TlsMaterial material = TlsMaterial.load(files);
        char[] password = new char[0];
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, password);
        store.setKeyEntry(
                "key", material.key(), password, material.chain().toArray(X509Certificate[]::new));
        store.setCertificateEntry("ca", material.ca().getFirst());
        KeyManagerFactory keys =
                KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, password);
        TrustManagerFactory trust =
                TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }
}
