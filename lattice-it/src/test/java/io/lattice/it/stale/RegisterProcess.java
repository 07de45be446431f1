package io.lattice.it.stale;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.grpc.GrpcConfigKeys;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientAsynchronousProtocol;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.DivisionInfo;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerConfigKeys;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.statemachine.impl.BaseStateMachine;
import org.apache.ratis.util.TimeDuration;
import org.jspecify.annotations.Nullable;

/// The main class of a process with one replicated register, read by Ratis' own linearizable read. Commands come as
/// lines over TCP, each answered by a line:
///
///  - `put V` writes V: `ok` or `failed`
///  - `get` reads: `value V` or `failed`
///  - `observe` has it read one time after another from now on: `ok`
///  - `observed T V` ends that: how many reads began after T (of System.nanoTime, one clock for all processes of a
///    machine) and gave another value than V, how many gave V, and how many failed, separated by spaces
///  - `role`: `leader` or `follower`
///  - `flood MS` has it try to write, every millisecond for MS milliseconds; none of it is a value: `ok`
final class RegisterProcess {
    private static final UUID GROUP =
            UUID.nameUUIDFromBytes("register".getBytes(StandardCharsets.UTF_8));
    private static final long CALL_MS_MAX = 1_000;
    private static final int OBSERVED_MAX = 1_000_000;
    private static final long FLOOD_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final RaftServer server;
    private final ClientId clientId = ClientId.randomId();
    private final AtomicLong callIds = new AtomicLong();

    private volatile Observer observer = new Observer();

    private RegisterProcess(RaftServer server) {
        this.server = server;
    }

    /// Reads from inside the process: what it does right after it was paused comes before any message that arrives.
    private final class Observer {
        private record Read(long beganNanos, @Nullable String value) {}

        private final List<Read> reads = new ArrayList<>();
        private final Thread thread = Thread.ofPlatform().daemon().unstarted(this::run);
        private volatile boolean ended;

        private void run() {
            while (!ended && reads.size() < OBSERVED_MAX) {
                long began = System.nanoTime();
                try {
                    reads.add(new Read(began, call(submit(Message.valueOf("get"), false))));
                } catch (IOException refused) {
                    reads.add(new Read(began, null));
                }
            }
        }

        String end(long afterNanos, String current) {
            ended = true;
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            List<Read> late = reads.stream().filter(r -> r.beganNanos() - afterNanos > 0).toList();
            long failed = late.stream().filter(r -> r.value() == null).count();
            long fresh = late.stream().filter(r -> current.equals(r.value())).count();
            return "%d %d %d".formatted(late.size() - failed - fresh, fresh, failed);
        }
    }

    /// How a process is started.
    ///
    /// @param self index into `peers`
    /// @param peers Raft addresses host:port, the same on all
    record Arguments(
            int self,
            List<String> peers,
            int controlPort,
            Path directory,
            long electionMinMs,
            long electionMaxMs) {
        List<String> toLine() {
            return List.of(
                    Integer.toString(self),
                    String.join(",", peers),
                    Integer.toString(controlPort),
                    directory.toString(),
                    Long.toString(electionMinMs),
                    Long.toString(electionMaxMs));
        }

        static Arguments of(String[] line) {
            return new Arguments(
                    Integer.parseInt(line[0]),
                    List.of(line[1].split(",")),
                    Integer.parseInt(line[2]),
                    Path.of(line[3]),
                    Long.parseLong(line[4]),
                    Long.parseLong(line[5]));
        }

        String host() {
            String address = peers.get(self);
            return address.substring(0, address.lastIndexOf(':'));
        }

        int raftPort() {
            String address = peers.get(self);
            return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
        }
    }

    public static void main(String[] line) throws IOException {
        Arguments arguments = Arguments.of(line);
        RaftServer server =
                RaftServer.newBuilder()
                        .setServerId(RaftPeerId.valueOf("r" + arguments.self()))
                        .setGroup(group(arguments))
                        .setStateMachine(new Register())
                        .setOption(RaftStorage.StartupOption.FORMAT)
                        .setProperties(properties(arguments))
                        .build();
        server.start();
        new RegisterProcess(server).serve(arguments);
    }

    private static RaftGroup group(Arguments arguments) {
        List<RaftPeer> peers = new ArrayList<>();
        for (int i = 0; i < arguments.peers().size(); i++) {
            peers.add(
                    RaftPeer.newBuilder()
                            .setId("r" + i)
                            .setAddress(arguments.peers().get(i))
                            .build());
        }
        return RaftGroup.valueOf(RaftGroupId.valueOf(GROUP), peers);
    }

    private static RaftProperties properties(Arguments arguments) {
        RaftProperties p = new RaftProperties();
        RaftServerConfigKeys.setStorageDir(p, List.of(arguments.directory().toFile()));
        GrpcConfigKeys.Server.setHost(p, arguments.host());
        GrpcConfigKeys.Server.setPort(p, arguments.raftPort());
        TimeDuration min = TimeDuration.valueOf(arguments.electionMinMs(), TimeUnit.MILLISECONDS);
        TimeDuration max = TimeDuration.valueOf(arguments.electionMaxMs(), TimeUnit.MILLISECONDS);
        RaftServerConfigKeys.Rpc.setTimeoutMin(p, min);
        RaftServerConfigKeys.Rpc.setTimeoutMax(p, max);
        RaftServerConfigKeys.Read.setOption(p, RaftServerConfigKeys.Read.Option.LINEARIZABLE);
        RaftServerConfigKeys.Read.setLeaderLeaseEnabled(p, false);
        return p;
    }

    private void serve(Arguments arguments) throws IOException {
        try (ServerSocket control = new ServerSocket()) {
            control.setReuseAddress(true);
            control.bind(new InetSocketAddress(arguments.host(), arguments.controlPort()));
            while (true) {
                Socket client = control.accept();
                Thread.ofVirtual().start(() -> answer(client));
            }
        }
    }

    private void answer(Socket client) {
        try (client;
                BufferedReader in =
                        new BufferedReader(
                                new InputStreamReader(
                                        client.getInputStream(), StandardCharsets.UTF_8));
                PrintWriter out =
                        new PrintWriter(client.getOutputStream(), true, StandardCharsets.UTF_8)) {
            String command = in.readLine();
            while (command != null) {
                out.println(answer(command));
                command = in.readLine();
            }
        } catch (IOException gone) {
            System.err.println("a client went away: " + gone);
        }
    }

    private String answer(String command) throws IOException {
        String[] words = command.split(" ", 2);
        return switch (words[0]) {
            case "put" -> call(submit(Message.valueOf(words[1]), true)) == null ? "failed" : "ok";
            case "get" -> {
                String value = call(submit(Message.valueOf("get"), false));
                yield value == null ? "failed" : "value " + value;
            }
            case "role" -> role();
            case "observe" -> {
                Observer started = new Observer();
                observer = started;
                started.thread.start();
                yield "ok";
            }
            case "observed" -> {
                String[] timeAndValue = words[1].split(" ", 2);
                yield observer.end(Long.parseLong(timeAndValue[0]), timeAndValue[1]);
            }
            case "flood" -> {
                long end =
                        System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Long.parseLong(words[1]));
                Thread.ofPlatform().daemon().start(() -> flood(end));
                yield "ok";
            }
            default -> throw new IOException("unknown command " + command);
        };
    }

    private String role() throws IOException {
        DivisionInfo info = server.getDivision(RaftGroupId.valueOf(GROUP)).getInfo();
        return info.isLeader() && info.isLeaderReady() ? "leader" : "follower";
    }

    /// Writes whose only purpose is to arrive.
    private void flood(long endNanos) {
        while (System.nanoTime() - endNanos < 0) {
            try {
                CompletableFuture<RaftClientReply> _ = submit(Message.valueOf("flood"), true);
            } catch (IOException refused) {
                System.err.println("a write was refused: " + refused);
            }
            LockSupport.parkNanos(FLOOD_PAUSE_NANOS);
        }
    }

    private CompletableFuture<RaftClientReply> submit(Message message, boolean write)
            throws IOException {
        RaftGroupId groupId = RaftGroupId.valueOf(GROUP);
        RaftClientRequest request =
                RaftClientRequest.newBuilder()
                        .setClientId(clientId)
                        .setServerId(server.getId())
                        .setGroupId(groupId)
                        .setCallId(callIds.incrementAndGet())
                        .setMessage(message)
                        .setType(
                                write
                                        ? RaftClientRequest.writeRequestType()
                                        : RaftClientRequest.readRequestType())
                        .build();
        return ((RaftClientAsynchronousProtocol) server.getDivision(groupId))
                .submitClientRequestAsync(request);
    }

    /// What the reply says, or null if there's none in time or it isn't a success.
    private static @Nullable String call(CompletableFuture<RaftClientReply> answer) {
        try {
            RaftClientReply reply = answer.get(CALL_MS_MAX, TimeUnit.MILLISECONDS);
            return reply.isSuccess() ? reply.getMessage().getContent().toStringUtf8() : null;
        } catch (ExecutionException | TimeoutException e) {
            return null;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        }
    }

    /// The last value written; what a flood writes doesn't count.
    private static final class Register extends BaseStateMachine {
        private volatile String value = "";

        @Override
        public CompletableFuture<Message> applyTransaction(TransactionContext transaction) {
            LogEntryProto entry = transaction.getLogEntry();
            updateLastAppliedTermIndex(entry.getTerm(), entry.getIndex());
            String written = entry.getStateMachineLogEntry().getLogData().toStringUtf8();
            if (!written.equals("flood")) {
                value = written;
            }
            return CompletableFuture.completedFuture(Message.valueOf("written"));
        }

        @Override
        public CompletableFuture<Message> query(Message request) {
            return CompletableFuture.completedFuture(Message.valueOf(value));
        }
    }
}
