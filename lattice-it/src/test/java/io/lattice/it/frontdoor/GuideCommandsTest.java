package io.lattice.it.frontdoor;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.NodeClient;
import io.lattice.it.cluster.Ports;
import io.lattice.it.cluster.ServerProcess;
import io.lattice.it.cluster.TlsMaterial;
import io.lattice.it.cluster.Tools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The deployment guide's commands as written: openssl's certificates, curl, etcdctl, and a rotation by renaming.
class GuideCommandsTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    /// What the guide promises.
    private static final Duration RELOAD_LIMIT = Duration.ofSeconds(30);

    private static final String AUTHORITY =
            """
            openssl genrsa -out ca.key 4096
            openssl req -new -x509 -days 3650 -key ca.key -out ca.crt \\
                -subj "/CN=Lattice CA"
            """;

    private static final String SERVER =
            """
            openssl genrsa -out server.key 2048
            openssl req -new -key server.key -out server.csr \\
                -subj "/CN=lattice.example.com"
            openssl x509 -req -days 365 -in server.csr \\
                -CA ca.crt -CAkey ca.key -CAcreateserial \\
                -out server.crt \\
                -extfile <(printf "subjectAltName=DNS:lattice.example.com,DNS:localhost,IP:127.0.0.1")
            """;

    private static final String CLIENT =
            """
            openssl genrsa -out client.key 2048
            openssl req -new -key client.key -out client.csr \\
                -subj "/CN=client@example.com"
            openssl x509 -req -days 365 -in client.csr \\
                -CA ca.crt -CAkey ca.key -CAcreateserial \\
                -out client.crt
            """;

    @TempDir Path directory;

    @Test
    void worksAsWritten() throws Exception {
        Path tls = Files.createDirectories(directory.resolve("tls"));
        bash(tls, AUTHORITY + SERVER + CLIENT);
        int port = Ports.free();
        Path config = directory.resolve("lattice.toml");
        Files.writeString(config, configuration(tls, port));
        List<String> command = new ArrayList<>(Tools.lattice());
        command.addAll(List.of("start", "--config", config.toString()));
        try (ServerProcess node =
                ServerProcess.start("n1", command, Map.of(), directory.resolve("log"))) {
            Await.until(
                    "the node is ready",
                    LIMIT,
                    () ->
                            curl("-k https://localhost:%d/readyz".formatted(port))
                                    .out()
                                    .contains("\"ready\":true"),
                    () -> node.logTail(50));

            assertThat(curl("-k https://localhost:%d/healthz".formatted(port)).orThrow().out())
                    .isEqualTo("ok\n");
            JsonObject ready =
                    JsonParser.parseString(
                                    curl("-k https://localhost:%d/readyz".formatted(port)).out())
                            .getAsJsonObject();
            assertThat(ready.keySet())
                    .containsExactly(
                            "ready",
                            "conditions",
                            "manifest_digest",
                            "routing_epoch",
                            "cache_age_seconds");
            assertThat(etcdctl(tls, port, "put foo bar").orThrow().out()).isEqualTo("OK\n");
            assertThat(etcdctl(tls, port, "get foo").orThrow().out()).isEqualTo("foo\nbar\n");
            assertThat(
                            curl(("-k -s -o /dev/null -w %%{http_code}"
                                                    + " https://localhost:%d/v3/kv/range -d {}")
                                            .formatted(port))
                                    .out())
                    .isEqualTo("401");
            rotates(tls, port);
            assertThat(etcdctl(tls, port, "get foo").orThrow().out()).isEqualTo("foo\nbar\n");
        }
    }

    private static void rotates(Path tls, int port) throws Exception {
        Path fresh = Files.createDirectories(tls.resolve("fresh"));
        for (String file : List.of("ca.crt", "ca.key")) {
            Files.copy(tls.resolve(file), fresh.resolve(file));
        }
        bash(fresh, SERVER);
        String before = served(port);
        AtomicBoolean done = new AtomicBoolean();
        AtomicInteger answered = new AtomicInteger();
        try (NodeClient lasting = NodeClient.connect("localhost", port, new TlsMaterial(tls))) {
            CompletableFuture<Void> load =
                    CompletableFuture.runAsync(() -> {
                        while (!done.get()) {
                            lasting.status();
                            answered.incrementAndGet();
                        }
                    });

            bash(tls, "mv fresh/server.crt server.crt; mv fresh/server.key server.key");
            Await.until(
                    "the new certificate is served",
                    RELOAD_LIMIT,
                    () -> !served(port).equals(before));
            done.set(true);

            load.join();
            assertThat(answered).hasPositiveValue();
        }
    }

    /// The fingerprint of the certificate that the port shows.
    private static String served(int port) {
        return Command.run(
                        LIMIT,
                        List.of(
                                "bash",
                                "-c",
                                ("openssl s_client -connect localhost:%d </dev/null 2>/dev/null"
                                                + " | openssl x509 -noout -fingerprint -sha256")
                                        .formatted(port)))
                .orThrow()
                .out();
    }

    private static String configuration(Path tls, int port) {
        return """
        [cluster]
        raft_bind = "127.0.0.1:%d"

        [listeners.grpc]
        bind = "0.0.0.0:%d"
        tls_chain_path = "%s/server.crt"
        tls_key_path = "%s/server.key"
        client_ca_path = "%s/ca.crt"

        [paths]
        data_dir = "%s/data"
        wal_dir = "%s/wal"

        [telemetry]
        metrics_bind = "127.0.0.1:%d"
        """
                .formatted(
                        Ports.free(),
                        port,
                        tls,
                        tls,
                        tls,
                        tls.getParent(),
                        tls.getParent(),
                        Ports.free());
    }

    private static Command.Result etcdctl(Path tls, int port, String arguments) {
        return Command.run(
                LIMIT,
                List.of(
                        "bash",
                        "-c",
                        """
                        ETCDCTL_API=3 %s \\
                            --endpoints=https://localhost:%d \\
                            --cacert=%s/ca.crt \\
                            --cert=%s/client.crt \\
                            --key=%s/client.key \\
                            %s
                        """
                                .formatted(
                                        Tools.pinned("etcdctl"), port, tls, tls, tls, arguments)));
    }

    private static Command.Result curl(String arguments) {
        return Command.run(LIMIT, List.of("bash", "-c", "curl -sS " + arguments));
    }

    private static void bash(Path directory, String script) throws IOException {
        Path file = Files.createTempFile(directory, "guide", ".sh");
        Files.writeString(file, "set -e\ncd '" + directory + "'\n" + script);
        Command.run(LIMIT, List.of("bash", file.toString())).orThrow();
    }
}
