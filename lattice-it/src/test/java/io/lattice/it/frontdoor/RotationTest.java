package io.lattice.it.frontdoor;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.NodeClient;
import io.lattice.it.cluster.NodeSpec;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.cluster.TlsMaterial;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.StatusResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// A running cluster moves to the certificates of another authority, in the order that keeps every pair of nodes able to
/// connect: both authorities are trusted, then certificates and keys are exchanged, then the old authority goes. The nodes
/// share their files here, but each looks at its own time, so they disagree for seconds in every step.
class RotationTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    /// What the guide promises.
    private static final Duration RELOAD_LIMIT = Duration.ofSeconds(30);

    private static final Duration COMMAND_LIMIT = Duration.ofSeconds(20);

    private final AtomicBoolean done = new AtomicBoolean();
    private final AtomicInteger answered = new AtomicInteger();

    @Test
    void nodesMoveToAnotherAuthorityUnderLoad() throws IOException {
        TestCluster cluster = CLUSTERS.secure("rotating", new LatticeKind(), 3);
        TlsMaterial used = Objects.requireNonNull(cluster.tls());
        TlsMaterial old = copy(used, CLUSTERS.directory("old"));
        TlsMaterial next = TlsMaterial.create(CLUSTERS.directory("next"), List.of("127.0.0.1"));
        Path both = CLUSTERS.directory("both.crt");
        Files.writeString(both, Files.readString(old.ca()) + Files.readString(next.ca()));
        String before = served(cluster.node(0).raftPort(), old, old);
        Path session = keepSession(cluster.node(0).raftPort(), old);
        Path clientSession = keepSession(cluster.node(0).clientPort(), old);
        int leader = cluster.awaitLeader();
        long term = cluster.client(leader).status().getRaftTerm();

        try (ExecutorService threads = Executors.newCachedThreadPool()) {
            List<CompletableFuture<Void>> load =
                    IntStream.range(0, cluster.size())
                            .mapToObj(i ->
                                    CompletableFuture.runAsync(
                                            () -> putUntilDone(cluster.client(i), i), threads))
                            .toList();
            try {
                takeUp(cluster, both, used.ca());
                halfARotationIsReported(cluster, old, next, used, before);
                rename(next.serverKey(), used.serverKey());
                Await.until(
                        "all ports of all nodes show the new certificate",
                        RELOAD_LIMIT,
                        () -> allServe(cluster, next),
                        cluster::logTails);
                takeUp(cluster, next.ca(), used.ca());
            } finally {
                done.set(true);
            }
            load.forEach(CompletableFuture::join);
        }

        assertThat(answered).hasValueGreaterThan(100);
        StatusResponse after = cluster.client(leader).status();
        assertThat(after.getRaftTerm()).isEqualTo(term);
        assertThat(after.getLeader()).isEqualTo(after.getHeader().getMemberId());
        for (int i = 0; i < cluster.size(); i++) {
            assertThat(accepts(cluster.node(i).raftPort(), old, "")).isFalse();
            assertThat(accepts(cluster.node(i).raftPort(), next, "")).isTrue();
        }
        assertThat(resumes(cluster.node(0).raftPort(), old, session)).isFalse();
        assertThat(resumes(cluster.node(0).clientPort(), old, clientSession)).isFalse();
        connectsAnew(cluster, (leader + 1) % cluster.size(), next);
    }

    /// The restarted node trusts nothing but the new authority: the others reach it only with their new certificates.
    private static void connectsAnew(TestCluster cluster, int follower, TlsMaterial next) {
        cluster.kill(follower);
        cluster.startNode(follower);
        NodeSpec node = cluster.node(follower);
        try (NodeClient client = NodeClient.connect(node.host(), node.clientPort(), next)) {
            Await.until(
                    "the restarted node answers linearizable reads",
                    Duration.ofSeconds(60),
                    () -> client.linearizableProbe().getHeader().getRevision() > 0,
                    cluster::logTails);
        }
    }

    private void putUntilDone(NodeClient client, int node) {
        while (!done.get()) {
            client.kv(10)
                    .put(
                            PutRequest.newBuilder()
                                    .setKey(ByteString.copyFromUtf8("k" + node))
                                    .setValue(ByteString.copyFromUtf8("v"))
                                    .build());
            answered.incrementAndGet();
        }
    }

    private static void takeUp(TestCluster cluster, Path from, Path to) throws IOException {
        long[] counts =
                IntStream.range(0, cluster.size()).mapToLong(i -> takenUp(cluster, i)).toArray();
        rename(from, to);
        Await.until(
                "every port of every node has taken up the authorities",
                RELOAD_LIMIT,
                () ->
                        IntStream.range(0, cluster.size())
                                .allMatch(i -> takenUp(cluster, i) == counts[i] + 2),
                cluster::logTails);
    }

    private static long takenUp(TestCluster cluster, int node) {
        return cluster.process(node)
                .logText()
                .lines()
                .filter(line -> line.contains(" taken up, valid until "))
                .count();
    }

    private static void halfARotationIsReported(
            TestCluster cluster, TlsMaterial old, TlsMaterial next, TlsMaterial used, String before)
            throws IOException {
        rename(next.serverCertificate(), used.serverCertificate());
        Await.until(
                "every node reports that certificate and key don't fit",
                RELOAD_LIMIT,
                () ->
                        IntStream.range(0, cluster.size())
                                .allMatch(i ->
                                        cluster.process(i)
                                                .logText()
                                                .contains(
                                                        "Raft port: changed TLS files can't be used")),
                cluster::logTails);
        for (int i = 0; i < cluster.size(); i++) {
            assertThat(served(cluster.node(i).raftPort(), old, old)).isEqualTo(before);
        }
    }

    private static boolean allServe(TestCluster cluster, TlsMaterial next) {
        return IntStream.range(0, cluster.size())
                .mapToObj(cluster::node)
                .allMatch(node ->
                        accepts(node.raftPort(), next, "") && accepts(node.clientPort(), next, ""));
    }

    /// The fingerprint of the certificate that a port shows.
    private static String served(int port, TlsMaterial shown, TlsMaterial trusted) {
        return bash(connect(port, shown, trusted, "")
                        + " | openssl x509 -noout -fingerprint -sha256")
                .orThrow()
                .out();
    }

    /// Whether the port takes these certificates and shows one of the same authority. TLS 1.2, where the client's
    /// certificate has been checked when the handshake is done.
    private static boolean accepts(int port, TlsMaterial material, String options) {
        return bash(connect(port, material, material, options)).exit() == 0;
    }

    /// Remembers a handshake, as clients do to leave out the certificates the next time.
    private static Path keepSession(int port, TlsMaterial material) {
        Path file = CLUSTERS.directory(port + ".session");
        bash(connect(port, material, material, "-sess_out " + file)).orThrow();
        assertThat(file).isNotEmptyFile();
        return file;
    }

    private static boolean resumes(int port, TlsMaterial material, Path session) {
        return accepts(port, material, "-sess_in " + session);
    }

    private static String connect(
            int port, TlsMaterial shown, TlsMaterial trusted, String options) {
        return ("openssl s_client -connect 127.0.0.1:%d -tls1_2 -alpn h2 -verify_return_error"
                        + " -CAfile %s -cert %s -key %s %s </dev/null 2>/dev/null")
                .formatted(
                        port, trusted.ca(), shown.clientCertificate(), shown.clientKey(), options);
    }

    private static Command.Result bash(String script) {
        return Command.run(COMMAND_LIMIT, List.of("bash", "-o", "pipefail", "-c", script));
    }

    private static TlsMaterial copy(TlsMaterial material, Path folder) throws IOException {
        Files.createDirectories(folder);
        TlsMaterial copied = new TlsMaterial(folder);
        Files.copy(material.ca(), copied.ca());
        Files.copy(material.clientCertificate(), copied.clientCertificate());
        Files.copy(material.clientKey(), copied.clientKey());
        return copied;
    }

    /// Puts a copy into the place of a file, at one instant.
    private static void rename(Path from, Path to) throws IOException {
        Path beside = to.resolveSibling(to.getFileName() + ".new");
        Files.copy(from, beside, StandardCopyOption.REPLACE_EXISTING);
        Files.move(beside, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
