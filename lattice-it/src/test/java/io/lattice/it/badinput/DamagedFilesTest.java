package io.lattice.it.badinput;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import io.grpc.StatusRuntimeException;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.LoopbackNetwork;
import io.lattice.it.cluster.NodeSpec;
import io.lattice.it.cluster.Ports;
import io.lattice.it.cluster.ServerKind;
import io.lattice.it.cluster.ServerProcess;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// A single node whose files were changed, mixed up or had no room.
class DamagedFilesTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration EXIT_LIMIT = Duration.ofSeconds(40);
    private static final int KEYS = 40;
    private static final int RECORD_MIDDLE = 20;

    private static TestCluster start(String name) {
        return CLUSTERS.plain(name, new LatticeKind(), 1);
    }

    private static ByteString key(int number) {
        return ByteString.copyFromUtf8("key-%04d".formatted(number));
    }

    private static void put(TestCluster cluster, int number, ByteString value) {
        var _ =
                cluster.client(0)
                        .kv(10)
                        .put(PutRequest.newBuilder().setKey(key(number)).setValue(value).build());
    }

    private static void putAll(TestCluster cluster) {
        for (int i = 0; i < KEYS; i++) {
            put(cluster, i, ByteString.copyFromUtf8("value"));
        }
    }

    private static boolean has(TestCluster cluster, int number) {
        return cluster.client(0)
                        .kv(10)
                        .range(RangeRequest.newBuilder().setKey(key(number)).build())
                        .getKvsCount()
                == 1;
    }

    private static void assertHasAll(TestCluster cluster, int count) {
        for (int i = 0; i < count; i++) {
            assertThat(has(cluster, i)).as("key %d", i).isTrue();
        }
    }

    /// Starts the node, which has to end by itself.
    ///
    /// @return what it said
    private static String refusalToStart(TestCluster cluster) {
        Path log = cluster.node(0).directory().resolve("log");
        long before = log.toFile().length();
        cluster.startNode(0);
        int exit = cluster.process(0).awaitExit(EXIT_LIMIT);
        String said = cluster.process(0).logText().substring((int) before);

        assertThat(exit).as(said).isNotZero();
        return said;
    }

    private static Path openSegment(TestCluster cluster) throws IOException {
        try (Stream<Path> files = Files.walk(cluster.node(0).directory().resolve("wal"))) {
            return files.filter(file -> file.getFileName().toString().startsWith("log_inprogress"))
                    .findFirst()
                    .orElseThrow();
        }
    }

    /// Where the last record ends: the segment is filled up with zeroes after it.
    private static long lastByte(RandomAccessFile file) throws IOException {
        byte[] bytes = new byte[(int) file.length()];
        file.readFully(bytes);
        int last = bytes.length - 1;
        while (bytes[last] == 0) {
            last--;
        }
        return last;
    }

    @Test
    void aFlippedBitInTheLogStopsTheNodeWithTheFileNamedAndIsHarmlessOnceFlippedBack()
            throws IOException {
        TestCluster cluster = start("flipped-bit");
        putAll(cluster);
        cluster.kill(0);
        Path segment = openSegment(cluster);
        long position;
        try (RandomAccessFile file = new RandomAccessFile(segment.toFile(), "r")) {
            position = lastByte(file) / 2;
        }
        flip(segment, position);

        String said = refusalToStart(cluster);

        assertThat(said).contains(segment.getFileName().toString()).contains("damaged");
        flip(segment, position);
        cluster.startNode(0);
        cluster.awaitReady(0);
        assertHasAll(cluster, KEYS);
    }

    private static void flip(Path path, long position) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.seek(position);
            int value = file.read();
            file.seek(position);
            file.write(value ^ 0x10);
        }
    }

    @Test
    void aTornLastRecordIsCutOffAndEverythingBeforeItIsThere() throws IOException {
        TestCluster cluster = start("torn-record");
        putAll(cluster);
        cluster.kill(0);
        Path segment = openSegment(cluster);
        try (RandomAccessFile file = new RandomAccessFile(segment.toFile(), "rw")) {
            long last = lastByte(file);
            file.seek(last - RECORD_MIDDLE);
            file.write(new byte[RECORD_MIDDLE + 1]);
        }

        cluster.startNode(0);
        cluster.awaitReady(0);

        assertHasAll(cluster, KEYS - 1);
        put(cluster, KEYS, ByteString.copyFromUtf8("goes on"));
        assertThat(has(cluster, KEYS)).isTrue();
        assertThat(cluster.process(0).logText()).contains("incomplete last record");
    }

    @Test
    void aNodeWithoutItsLogOrWithoutItsDataRefusesToStart() throws IOException {
        TestCluster cluster = start("half-missing");
        putAll(cluster);
        cluster.terminate(0);
        for (Path store : cluster.node(0).stores()) {
            Path aside = store.resolveSibling(store.getFileName() + ".aside");
            Files.move(store, aside);

            String said = refusalToStart(cluster);

            assertThat(said).contains(store.toString()).contains("is empty");
            TestCluster.deleteTree(store);
            Files.move(aside, store);
        }
        cluster.startNode(0);
        cluster.awaitReady(0);
        assertHasAll(cluster, KEYS);
    }

    @Test
    void aDirectoryOfAnotherNodeIsRefusedAndLeftAlone() throws IOException {
        TestCluster cluster = start("foreign");
        putAll(cluster);
        cluster.terminate(0);
        NodeSpec own = cluster.node(0);
        NodeSpec other =
                new NodeSpec(
                        "n9",
                        own.host(),
                        own.clientPort(),
                        own.raftPort(),
                        own.metricsPort(),
                        own.directory());

        String said = run(other, "foreign-node");

        assertThat(said).contains("belongs to").contains("n9");
        new LatticeKind().prepare(own, layout(own));
        cluster.startNode(0);
        cluster.awaitReady(0);
        assertHasAll(cluster, KEYS);
    }

    @Test
    void aDirectoryWithOtherFilesIsRefusedAndLeftAlone() throws IOException {
        TestCluster cluster =
                CLUSTERS.prepare(
                        TestCluster.Plan.plain(
                                new LatticeKind(), 1, CLUSTERS.directory("other-files")));
        Path file = cluster.node(0).directory().resolve("data/thesis.txt");
        Files.createDirectories(file.getParent());
        Files.writeString(file, "precious");

        String said = refusalToStart(cluster);

        assertThat(said).contains("isn't a directory of Lattice");
        assertThat(file).hasContent("precious");
    }

    @Test
    void aSecondProcessOnTheSameDirectoryEndsAndTheFirstGoesOn() {
        TestCluster cluster = start("second-process");
        putAll(cluster);
        NodeSpec own = cluster.node(0);
        NodeSpec second =
                new NodeSpec(
                        own.name(),
                        own.host(),
                        Ports.free(),
                        Ports.free(),
                        Ports.free(),
                        own.directory());

        String said = run(second, "second-process");

        assertThat(said).contains("in use by another process");
        put(cluster, KEYS, ByteString.copyFromUtf8("goes on"));
        assertHasAll(cluster, KEYS + 1);
    }

    private static ServerKind.Layout layout(NodeSpec node) {
        return new ServerKind.Layout("it", List.of(node), null);
    }

    /// Runs a node that has to end by itself.
    ///
    /// @return what it said
    private static String run(NodeSpec node, String name) {
        LatticeKind kind = new LatticeKind();
        kind.prepare(node, layout(node));
        Path log = CLUSTERS.directory(name + ".log");
        List<String> command = new ArrayList<>(kind.command(node, layout(node), false));
        try (ServerProcess process = ServerProcess.start(name, command, Map.of(), log)) {
            int exit = process.awaitExit(EXIT_LIMIT);

            assertThat(exit).as(process.logText()).isNotZero();
            return process.logText();
        }
    }

    @Test
    void aFullDiskEndsTheProcessAndNothingAcknowledgedIsLost() throws IOException {
        Path directory = CLUSTERS.directory("full-disk");
        Path wal = directory.resolve("n1/wal");
        Files.createDirectories(wal);
        mount("-t", "tmpfs", "-o", "size=40m", "none", wal.toString());
        try (TestCluster cluster =
                TestCluster.start(
                        new TestCluster.Plan(
                                new LatticeKind(),
                                1,
                                directory,
                                false,
                                0,
                                new LoopbackNetwork()))) {
            int acknowledged = fill(cluster);
            int exit = cluster.process(0).awaitExit(EXIT_LIMIT);

            assertThat(exit).as(cluster.logTails()).isNotZero();
            assertThat(cluster.process(0).logText()).containsIgnoringCase("no space left");
            mount("-o", "remount,size=200m", wal.toString());
            cluster.startNode(0);
            cluster.awaitReady(0);
            assertThat(acknowledged).isPositive();
            assertHasAll(cluster, acknowledged);
            put(cluster, acknowledged, ByteString.copyFromUtf8("goes on"));
        } finally {
            Command.run(EXIT_LIMIT, List.of("umount", "-l", wal.toString())).orThrow();
        }
    }

    /// Puts until one fails.
    private static int fill(TestCluster cluster) {
        ByteString value = ByteString.copyFrom(new byte[500_000]);
        int[] acknowledged = {0};
        StatusRuntimeException failure =
                catchThrowableOfType(
                        StatusRuntimeException.class,
                        () -> {
                            for (int i = 0; i < 500; i++) {
                                put(cluster, i, value);
                                acknowledged[0]++;
                            }
                        });
        assertThat(failure).as("a put fails on a full disk").isNotNull();
        return acknowledged[0];
    }

    private static void mount(String... arguments) {
        List<String> command = new ArrayList<>(List.of("mount"));
        command.addAll(List.of(arguments));
        Command.run(EXIT_LIMIT, command).orThrow();
    }
}
