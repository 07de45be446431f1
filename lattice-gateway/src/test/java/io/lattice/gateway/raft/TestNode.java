package io.lattice.gateway.raft;

import com.google.protobuf.ByteString;
import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import io.lattice.proto.command.Command;
import io.lattice.proto.etcdserverpb.HashKVResponse;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.query.QueryExecutor;
import io.lattice.statemachine.storage.FileTrees;
import io.lattice.statemachine.storage.StoreOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.server.RaftServer;
import org.awaitility.Awaitility;

/// A whole node in this JVM, with its directories below one folder, and blocking calls to it.
final class TestNode implements AutoCloseable {
    private static final int KEYSPACE = 1;
    private static final long CALL_SECONDS = 30;
    private static final long MIB = 1 << 20;
    private static final StoreOptions STORE =
            new StoreOptions(8 * MIB, 32 * MIB, MIB, 1 << 10, 2, 64);
    private static final int FIRST_PORT = 30_000;
    private static final int PORTS = 2_000;
    private static final AtomicInteger NEXT_PORT =
            new AtomicInteger((int) (ProcessHandle.current().pid() * 37 % PORTS));

    private final RaftHost host;
    private final RaftNode node;
    private final Plan settings;

    /// What would have ended the process.
    private final List<String> fatal;

    /// A node that is to be.
    record Plan(RaftSettings raft, GroupSettings group) {
        String nodeId() {
            return raft.nodeId();
        }

        Path walDirectory() {
            return raft.walDirectory();
        }

        Path dataDirectory() {
            return raft.dataDirectory();
        }

        int bindPort() {
            return raft.bindPort();
        }

        List<PeerAddress> peers() {
            return group.peers();
        }

        /// Where the group's state is.
        Path store() {
            return group.storeDirectory(raft.dataDirectory());
        }

        /// Where Ratis keeps the group.
        Path groupLog() {
            return raft.walDirectory().resolve(group.id().toString());
        }
    }

    private TestNode(RaftHost host, RaftNode node, Plan settings, List<String> fatal) {
        this.host = host;
        this.node = node;
        this.settings = settings;
        this.fatal = fatal;
    }

    /// Addresses on free ports for nodes n1, n2 and so on; below the range from which connections get theirs.
    static List<PeerAddress> addresses(int nodes) {
        return Stream.iterate(1, i -> i <= nodes, i -> i + 1)
                .map(i -> new PeerAddress("n" + i, "127.0.0.1", freePort()))
                .toList();
    }

    private static int freePort() {
        while (true) {
            int port = FIRST_PORT + NEXT_PORT.getAndIncrement() % PORTS;
            try (ServerSocket socket = new ServerSocket()) {
                socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
                return port;
            } catch (IOException taken) {
                continue;
            }
        }
    }

    /// Settings with small segments, and almost no log kept behind a snapshot.
    static Plan settings(Path root, String nodeId, List<PeerAddress> peers) {
        return new Plan(raft(root, nodeId, peers, peers.size() == 1), group(peers, List.of()));
    }

    private static RaftSettings raft(
            Path root, String nodeId, List<PeerAddress> members, boolean alone) {
        int port =
                members.stream()
                        .filter(p -> p.nodeId().equals(nodeId))
                        .findFirst()
                        .orElseThrow()
                        .port();
        return withSmallSegments(TestSettings.of(root, nodeId, TestSettings.GROUP, port), alone);
    }

    /// As [#settings(Path, String, List)] for a node of a group with listeners, to which others may come.
    static Plan settings(
            Path root, String nodeId, List<PeerAddress> voters, List<PeerAddress> listeners) {
        List<PeerAddress> all = Stream.concat(voters.stream(), listeners.stream()).toList();
        return new Plan(raft(root, nodeId, all, false), group(voters, listeners));
    }

    private static GroupSettings group(List<PeerAddress> voters, List<PeerAddress> listeners) {
        return new GroupSettings("test", TestSettings.GROUP, voters, listeners);
    }

    private static RaftSettings withSmallSegments(RaftSettings base, boolean alone) {
        return new RaftSettings(
                base.nodeId(),
                base.clusterId(),
                alone,
                base.bindHost(),
                base.bindPort(),
                base.walDirectory(),
                base.dataDirectory(),
                Duration.ofMillis(500),
                Duration.ofMillis(1_000),
                1 << 16,
                10,
                Duration.ofSeconds(CALL_SECONDS),
                1_000,
                1 << 20,
                Duration.ofMillis(8),
                10_000,
                1 << 24,
                null);
    }

    /// Starts a node and returns when it is a member.
    ///
    /// @param snapshotThreshold log entries between two checkpoints
    static TestNode start(Plan settings, long snapshotThreshold)
            throws IOException, InterruptedException {
        List<String> fatal = new CopyOnWriteArrayList<>();
        RaftHost host =
                RaftHost.start(
                        settings.raft(),
                        _ -> STORE,
                        snapshotThreshold,
                        (what, cause) -> fatal.add(what + ": " + cause));
        boolean open = false;
        try {
            RaftNode node = host.open(settings.group());
            open = true;
            return new TestNode(host, node, settings, fatal);
        } finally {
            if (!open) {
                host.close();
            }
        }
    }

    /// As [#start], on a thread of its own: the nodes of a group wait for each other.
    static Beginning startAsync(Plan settings, long snapshotThreshold) {
        Beginning beginning = new Beginning(settings, snapshotThreshold);
        beginning.thread.start();
        return beginning;
    }

    /// A node that is being started.
    static final class Beginning extends CompletableFuture<TestNode> {
        private final Thread thread;

        private Beginning(Plan settings, long snapshotThreshold) {
            this.thread =
                    Thread.ofPlatform()
                            .name("start-" + settings.nodeId())
                            .unstarted(() -> {
                                try {
                                    complete(TestNode.start(settings, snapshotThreshold));
                                } catch (IOException | InterruptedException | RuntimeException e) {
                                    completeExceptionally(e);
                                }
                            });
        }

        /// Stops a node that still waits to be a member.
        void giveUp() throws InterruptedException {
            thread.interrupt();
            thread.join();
        }
    }

    RaftNode node() {
        return node;
    }

    /// Has the group go by other members.
    void configure(List<PeerAddress> voters, List<PeerAddress> listeners) {
        host.configure(group(voters, listeners));
    }

    Plan settings() {
        return settings;
    }

    List<String> fatal() {
        return fatal;
    }

    boolean leads() {
        return node.view().isReadyLeader();
    }

    private static Command putOf(String key, String value) {
        return Command.newBuilder()
                .setKeyspace(KEYSPACE)
                .setPut(
                        PutRequest.newBuilder()
                                .setKey(ByteString.copyFromUtf8(key))
                                .setValue(ByteString.copyFromUtf8(value)))
                .build();
    }

    /// Starts a put; completes with the revision.
    CompletableFuture<Long> putAsync(String key, String value) {
        CompletableFuture<Long> revision = new CompletableFuture<>();
        Command command = putOf(key, value);
        node.proposer()
                .propose(
                        command,
                        new Proposer.Completion() {
                            @Override
                            public void done(Outcome outcome) {
                                switch (outcome) {
                                    case Outcome.Applied applied ->
                                            revision.complete(applied.revision());
                                    case Outcome.Refused refused ->
                                            revision.completeExceptionally(
                                                    new IllegalStateException(refused.toString()));
                                }
                            }

                            @Override
                            public void failed(ProposalFailure failure) {
                                revision.completeExceptionally(
                                        new IllegalStateException(failure.toString()));
                            }
                        });
        return revision;
    }

    /// Puts and waits; the revision.
    long put(String key, String value) throws Exception {
        return putAsync(key, value).get(CALL_SECONDS, TimeUnit.SECONDS);
    }

    /// Writes `entries` log entries, one after the other, over a handful of keys.
    void fill(int entries) throws Exception {
        String value = "v".repeat(200);
        for (int i = 0; i < entries; i++) {
            put("fill" + i % 50, value + i);
        }
    }

    /// Has Ratis lose all permits of this leadership for entries under way. By itself it loses one when an entry is
    /// applied before it is registered; nothing that it shows takes one for good.
    void exhaustPermits() throws ReflectiveOperationException {
        RaftServer.Division division = Objects.requireNonNull(node.division());
        Object role = invoke(division, "getRole");
        Object leader = ((Optional<?>) invoke(role, "getLeaderState")).orElseThrow();
        Method acquire =
                leader.getClass().getDeclaredMethod("tryAcquirePendingRequest", Message.class);
        acquire.setAccessible(true);
        AtomicInteger lost = new AtomicInteger();
        // An entry gives its permit back a moment after its outcome is known.
        Awaitility.await()
                .until(() -> {
                    while (acquire.invoke(leader, Message.EMPTY) != null) {
                        lost.incrementAndGet();
                    }
                    return lost.get() == RatisProperties.PERMITS;
                });
    }

    private static Object invoke(Object target, String method) throws ReflectiveOperationException {
        Method found = target.getClass().getDeclaredMethod(method);
        found.setAccessible(true);
        return found.invoke(target);
    }

    /// Reads linearizably; empty if there's no such key.
    String get(String key) throws Exception {
        CompletableFuture<Boolean> ready = new CompletableFuture<>();
        node.fence()
                .await(
                        System.nanoTime() + TimeUnit.SECONDS.toNanos(CALL_SECONDS),
                        () -> ready.complete(true),
                        failure ->
                                ready.completeExceptionally(
                                        new IllegalStateException(failure.toString())));
        ready.get(CALL_SECONDS, TimeUnit.SECONDS);
        return getLocally(key);
    }

    /// Reads what is applied here.
    String getLocally(String key) {
        try (ReadView view = node.store().view()) {
            RangeResponse response =
                    new QueryExecutor(view)
                            .range(
                                    KEYSPACE,
                                    RangeRequest.newBuilder()
                                            .setKey(ByteString.copyFromUtf8(key))
                                            .build());
            return response.getKvsCount() == 0 ? "" : response.getKvs(0).getValue().toStringUtf8();
        }
    }

    long revision() {
        try (ReadView view = node.store().view()) {
            return view.revision(KEYSPACE);
        }
    }

    /// Hash over everything up to the newest revision here, with that revision.
    String hash() {
        try (ReadView view = node.store().view()) {
            HashKVResponse response = new QueryExecutor(view).hashKv(KEYSPACE, 0);
            return view.revision(KEYSPACE) + "/" + response.getHash();
        }
    }

    /// Index of the last entry in the newest complete checkpoint on disk, or -1.
    long checkpointIndex() throws IOException {
        Path snapshots = settings.store().resolve("snapshots");
        try (Stream<Path> entries = Files.list(snapshots)) {
            return entries.map(entry -> entry.getFileName().toString())
                    .filter(name -> name.startsWith("checkpoint-"))
                    .mapToLong(name -> Long.parseLong(name.substring(name.lastIndexOf('-') + 1)))
                    .max()
                    .orElse(-1);
        }
    }

    /// Copies both directories as they are now, which is what a kill of the process at this instant would leave. Begins
    /// anew if a file disappears meanwhile.
    Plan copyAsKilled(Path root) throws IOException {
        boolean copied = false;
        while (!copied) {
            try {
                FileTrees.delete(root);
                copy(settings.walDirectory(), root.resolve("wal"));
                copy(settings.dataDirectory(), root.resolve("data"));
                copied = true;
            } catch (NoSuchFileException e) {
                copied = false;
            } catch (UncheckedIOException e) {
                if (!(e.getCause() instanceof NoSuchFileException)) {
                    throw e;
                }
            }
        }
        return settings(root, settings.nodeId(), settings.peers());
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> tree = Files.walk(from)) {
            for (Path source : (Iterable<Path>) tree::iterator) {
                Path target = to.resolve(from.relativize(source).toString());
                if (Files.isDirectory(source)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(source, target);
                }
            }
        }
    }

    @Override
    public void close() throws IOException {
        host.close();
    }
}
