package io.lattice.it.cluster;

import io.grpc.StatusRuntimeException;
import io.lattice.proto.etcdserverpb.StatusResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// One or more real server processes that form a cluster, and the faults that can be done to them. Owned
/// by the thread that made it.
///
/// [#close()] ends every process and closes every client; the directory stays, so that logs can be read.
public final class TestCluster implements AutoCloseable {
    private static final Duration READY_LIMIT = Duration.ofSeconds(60);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(40);
    private static final int LOG_LINES = 60;

    private final ServerKind kind;
    private final ServerKind.Layout layout;
    private final TestNetwork network;
    private final List<@Nullable ServerProcess> processes = new ArrayList<>();
    private final List<NodeClient> clients = new ArrayList<>();
    private final boolean[] wiped;

    private TestCluster(ServerKind kind, ServerKind.Layout layout, TestNetwork network) {
        this.kind = kind;
        this.layout = layout;
        this.network = network;
        this.wiped = new boolean[layout.nodes().size()];
        for (NodeSpec node : layout.nodes()) {
            kind.prepare(node, layout);
            processes.add(null);
            clients.add(NodeClient.connect(node.host(), node.clientPort(), layout.tls()));
        }
    }

    /// What a cluster is made of.
    ///
    /// @param nodes 1 or 3
    /// @param directory holds one folder for each node; created if absent
    /// @param tls whether all ports speak mutual TLS
    /// @param basePort node i has its ports from basePort + 10 i on; 0: any free ports
    public record Plan(
            ServerKind kind,
            int nodes,
            Path directory,
            boolean tls,
            int basePort,
            TestNetwork network) {

        /// A plain-text cluster on free loopback ports.
        public static Plan plain(ServerKind kind, int nodes, Path directory) {
            return new Plan(kind, nodes, directory, false, 0, new LoopbackNetwork());
        }

        /// A cluster with mutual TLS on free loopback ports.
        public static Plan secure(ServerKind kind, int nodes, Path directory) {
            return new Plan(kind, nodes, directory, true, 0, new LoopbackNetwork());
        }
    }

    /// Prepares the nodes without starting them.
    public static TestCluster prepare(Plan plan) {
        Path directory = plan.directory().toAbsolutePath();
        List<NodeSpec> nodes = new ArrayList<>();
        for (int i = 0; i < plan.nodes(); i++) {
            String name = "n" + (i + 1);
            int base = plan.basePort() + 10 * i;
            boolean any = plan.basePort() == 0;
            nodes.add(
                    new NodeSpec(
                            name,
                            plan.network().address(i),
                            any ? Ports.free() : base,
                            any ? Ports.free() : base + 1,
                            any ? Ports.free() : base + 2,
                            directory.resolve(name)));
        }
        TlsMaterial tls = null;
        if (plan.tls()) {
            tls =
                    TlsMaterial.create(
                            directory.resolve("tls"),
                            nodes.stream().map(NodeSpec::host).distinct().toList());
        }
        return new TestCluster(
                plan.kind(), new ServerKind.Layout("it", nodes, tls), plan.network());
    }

    /// Starts all nodes and waits until each of them answers a linearizable read.
    public static TestCluster start(Plan plan) {
        TestCluster cluster = prepare(plan);
        try {
            cluster.startAll();
            return cluster;
        } catch (RuntimeException e) {
            cluster.close();
            throw e;
        }
    }

    /// Starts all nodes and waits until each of them answers a linearizable read.
    public void startAll() {
        IntStream.range(0, size()).forEach(this::startNode);
        awaitReady();
    }

    public int size() {
        return layout.nodes().size();
    }

    public NodeSpec node(int index) {
        return layout.nodes().get(index);
    }

    public TestNetwork network() {
        return network;
    }

    /// Null if the ports speak plain text.
    public @Nullable TlsMaterial tls() {
        return layout.tls();
    }

    /// A connection to that node alone.
    public NodeClient client(int index) {
        return clients.get(index);
    }

    public String clientUrl(int index) {
        return node(index).clientUrl(layout.tls() != null);
    }

    /// All client URLs, separated by commas, as etcdctl takes them.
    public String endpoints() {
        return IntStream.range(0, size())
                .mapToObj(this::clientUrl)
                .collect(Collectors.joining(","));
    }

    /// Starts the node's process and returns at once.
    public void startNode(int index) {
        NodeSpec node = node(index);
        ServerProcess old = processes.get(index);
        if (old != null && old.isAlive()) {
            throw new IllegalStateException(node.name() + " is running already");
        }
        List<String> command = new ArrayList<>(network.prefix(index));
        command.addAll(kind.command(node, layout, wiped[index]));
        processes.set(
                index,
                ServerProcess.start(node.name(), command, kind.environment(node), node.log()));
        wiped[index] = false;
    }

    /// The node's process.
    ///
    /// @throws IllegalStateException if the node was never started
    public ServerProcess process(int index) {
        ServerProcess process = processes.get(index);
        if (process == null) {
            throw new IllegalStateException(node(index).name() + " was never started");
        }
        return process;
    }

    /// Sends SIGKILL.
    public void kill(int index) {
        process(index).kill();
    }

    /// Kills the leader and waits for another one.
    ///
    /// @return which it was
    public int killLeader() {
        int leader = awaitLeader();
        kill(leader);
        awaitLeader();
        return leader;
    }

    /// Sends SIGKILL to all nodes before it waits for the end of any.
    public void killAll() {
        List<Thread> killers =
                IntStream.range(0, size())
                        .mapToObj(i -> Thread.ofPlatform().start(() -> kill(i)))
                        .toList();
        for (Thread killer : killers) {
            try {
                killer.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /// Sends SIGSTOP: the process keeps its connections and does nothing.
    public void pause(int index) {
        process(index).signal("STOP");
    }

    /// Sends SIGCONT.
    public void resume(int index) {
        process(index).signal("CONT");
    }

    /// Sends SIGTERM and waits for a clean end.
    public void terminate(int index) {
        process(index).terminate(STOP_LIMIT);
    }

    /// From now on syncs of the node's Raft log misbehave.
    ///
    /// @throws IllegalStateException if the servers were started without disk faults
    public void breakLogDisk(int index, DiskFaults.Mode mode) {
        diskFaults().inject(node(index), mode, node(index).directory().resolve("wal") + "/*");
    }

    /// The node's disks work again.
    public void healDisks(int index) {
        diskFaults().heal(node(index));
    }

    private DiskFaults diskFaults() {
        if (kind instanceof LatticeKind lattice && lattice.diskFaults() != null) {
            return lattice.diskFaults();
        }
        throw new IllegalStateException("the servers were started without disk faults");
    }

    /// Removes the data and the Raft log of a node that is not running.
    public void wipe(int index) {
        if (process(index).isAlive()) {
            throw new IllegalStateException(node(index).name() + " is running");
        }
        node(index).stores().forEach(TestCluster::deleteTree);
        kind.prepare(node(index), layout);
        wiped[index] = true;
    }

    /// Removes a folder and everything in it; one that is not there is fine.
    public static void deleteTree(Path root) {
        if (!Files.exists(root)) {
            return;
        }
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot remove " + root, e);
        }
    }

    /// Waits until every node answers a linearizable read.
    public void awaitReady() {
        for (int i = 0; i < size(); i++) {
            awaitReady(i);
        }
    }

    /// Waits until that node answers a linearizable read; fails at once when its process has ended.
    public void awaitReady(int index) {
        NodeClient client = clients.get(index);
        Await.until(
                node(index).name() + " answers a linearizable read",
                READY_LIMIT,
                () -> {
                    if (!process(index).isAlive()) {
                        throw new NodeEndedError(process(index).logTail(LOG_LINES));
                    }
                    return client.linearizableProbe().getHeader().getRevision() > 0;
                },
                this::logTails);
    }

    /// The index of the leader, by the statuses that the nodes give.
    public int awaitLeader() {
        int[] found = {-1};
        Await.until(
                "a node says that it is the leader",
                READY_LIMIT,
                () -> {
                    found[0] = leaderOrMinus1();
                    return found[0] >= 0;
                },
                this::logTails);
        return found[0];
    }

    /// The node that calls itself leader in the highest term, or -1. Nodes that don't answer within two
    /// seconds are left out.
    public int leaderOrMinus1() {
        int leader = -1;
        long term = -1;
        for (int i = 0; i < size(); i++) {
            StatusResponse status = statusOrNull(i);
            if (status != null
                    && status.getLeader() != 0
                    && status.getLeader() == status.getHeader().getMemberId()
                    && status.getRaftTerm() > term) {
                leader = i;
                term = status.getRaftTerm();
            }
        }
        return leader;
    }

    private @Nullable StatusResponse statusOrNull(int index) {
        ServerProcess process = processes.get(index);
        if (process == null || !process.isAlive()) {
            return null;
        }
        try {
            return clients.get(index).status();
        } catch (StatusRuntimeException unreachable) {
            return null;
        }
    }

    /// The ends of all nodes' logs.
    public String logTails() {
        return processes.stream()
                .filter(Objects::nonNull)
                .map(process -> process.logTail(LOG_LINES))
                .collect(Collectors.joining(System.lineSeparator()));
    }

    @Override
    public void close() {
        for (ServerProcess process : processes) {
            if (process != null) {
                process.close();
            }
        }
        clients.forEach(NodeClient::close);
        network.close();
    }

    /// A node's process ended while it should have become ready: waiting longer is of no use.
    public static final class NodeEndedError extends Error {
        private static final long serialVersionUID = 1;

        NodeEndedError(String message) {
            super(message);
        }
    }
}
