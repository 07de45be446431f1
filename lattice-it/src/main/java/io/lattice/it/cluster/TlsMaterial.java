package io.lattice.it.cluster;

import io.grpc.netty.GrpcSslContexts;
import io.netty.handler.ssl.SslContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.net.ssl.SSLException;

/// A certificate authority with one server and one client certificate, in a folder of its own: ca.crt,
/// server.crt, server.key, client.crt, client.key.
public record TlsMaterial(Path folder) {
    /// How many tenants of one manifest the client certificate can be let use.
    public static final int TENANTS = 8;

    private static final Duration LIMIT = Duration.ofSeconds(30);

    /// Makes everything with the openssl program. The server certificate serves as a client certificate
    /// between the nodes as well.
    ///
    /// @param addresses the IP addresses that the server certificate is for, besides localhost and names
    ///     below lattice.test
    public static TlsMaterial create(Path folder, List<String> addresses) {
        try {
            Files.createDirectories(folder);
            TlsMaterial made = new TlsMaterial(folder);
            made.openssl(
                    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30"
                            + " -subj /CN=Lattice-test-CA -keyout ca.key -out ca.crt");
            String names =
                    addresses.stream()
                            .map(address -> ",IP:" + address)
                            .collect(
                                    Collectors.joining(
                                            "",
                                            "DNS:localhost,DNS:*.lattice.test,IP:127.0.0.1",
                                            ""));
            made.issue("server", "subjectAltName=" + names);
            String identities =
                    IntStream.rangeClosed(1, TENANTS)
                            .mapToObj(number -> ",DNS:" + clientIdentity(number))
                            .collect(Collectors.joining());
            made.issue("client", "subjectAltName=DNS:client" + identities);
            return made;
        } catch (IOException e) {
            throw new IllegalStateException("cannot write certificates to " + folder, e);
        }
    }

    private void issue(String name, String extension) throws IOException {
        Files.writeString(
                folder.resolve(name + ".ext"),
                extension + "\nextendedKeyUsage=serverAuth,clientAuth\n");
        openssl(
                "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=%s"
                                .formatted(name)
                        + " -keyout %s.key -out %s.csr".formatted(name, name));
        openssl(
                "x509 -req -in %s.csr -days 30 -CA ca.crt -CAkey ca.key -CAcreateserial"
                                .formatted(name)
                        + " -extfile %s.ext -out %s.crt".formatted(name, name));
    }

    private void openssl(String arguments) {
        Command.run(
                        LIMIT,
                        List.of(
                                "sh",
                                "-c",
                                "cd \"$0\" && exec openssl " + arguments,
                                folder.toString()))
                .orThrow();
    }

    public Path ca() {
        return folder.resolve("ca.crt");
    }

    public Path serverCertificate() {
        return folder.resolve("server.crt");
    }

    public Path serverKey() {
        return folder.resolve("server.key");
    }

    public Path clientCertificate() {
        return folder.resolve("client.crt");
    }

    public Path clientKey() {
        return folder.resolve("client.key");
    }

    /// Makes a further client certificate of the same authority.
    ///
    /// @param name its common name, and that of its files
    /// @param alternative a subject alternative name as openssl writes it
    public void issueClient(String name, String alternative) {
        try {
            issue(name, "subjectAltName=" + alternative);
        } catch (IOException e) {
            throw new IllegalStateException("cannot write certificates to " + folder, e);
        }
    }

    /// A name that the client certificate has besides `client`: in a manifest a name stands for one tenant only.
    ///
    /// @param number 1 to [#TENANTS]
    public static String clientIdentity(int number) {
        return "client-" + number;
    }

    /// For clients of the nodes.
    public SslContext clientContext() {
        return clientContext("client");
    }

    /// For clients with a certificate of [#issueClient].
    public SslContext clientContext(String name) {
        try {
            return GrpcSslContexts.forClient()
                    .trustManager(ca().toFile())
                    .keyManager(
                            folder.resolve(name + ".crt").toFile(),
                            folder.resolve(name + ".key").toFile())
                    .build();
        } catch (SSLException e) {
            throw new IllegalStateException("cannot use the certificates in " + folder, e);
        }
    }
}
