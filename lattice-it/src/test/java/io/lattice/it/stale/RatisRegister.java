package io.lattice.it.stale;

import com.google.common.base.Splitter;
import io.lattice.it.cluster.Ports;
import io.lattice.it.cluster.ServerProcess;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.cluster.TestNetwork;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Ratis with its own linearizable read.
final class RatisRegister implements ReplicatedRegister {
    private static final int CONNECT_MS_MAX = 1_000;
    private static final int ANSWER_MS_MAX = 10_000;

    private final TestNetwork network;
    private final List<ServerProcess> processes = new ArrayList<>();
    private final List<Integer> controlPorts = new ArrayList<>();

    /// Starts three processes.
    RatisRegister(Path directory, TestNetwork network, long electionMinMs, long electionMaxMs) {
        this.network = network;
        TestCluster.deleteTree(directory);
        List<String> peers =
                IntStream.range(0, NODES)
                        .mapToObj(i -> network.address(i) + ":" + Ports.free())
                        .toList();
        for (int i = 0; i < NODES; i++) {
            controlPorts.add(Ports.free());
            Path home = directory.resolve("r" + i);
            List<String> command = new ArrayList<>(network.prefix(i));
            command.addAll(
                    List.of(
                            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                            "--enable-native-access=ALL-UNNAMED",
                            "--sun-misc-unsafe-memory-access=allow",
                            "-XX:TieredStopAtLevel=1",
                            "-Xmx512m",
                            "-cp",
                            System.getProperty("java.class.path"),
                            RegisterProcess.class.getName()));
            command.addAll(
                    new RegisterProcess.Arguments(
                                    i,
                                    peers,
                                    controlPorts.get(i),
                                    home.resolve("raft"),
                                    electionMinMs,
                                    electionMaxMs)
                            .toLine());
            processes.add(
                    ServerProcess.start("ratis-" + i, command, Map.of(), home.resolve("log")));
        }
    }

    /// One command on a connection of its own; empty if nobody answers.
    private Optional<String> ask(int node, String command) {
        try (Socket socket = new Socket()) {
            socket.connect(
                    new InetSocketAddress(network.address(node), controlPorts.get(node)),
                    CONNECT_MS_MAX);
            socket.setSoTimeout(ANSWER_MS_MAX);
            PrintWriter out =
                    new PrintWriter(socket.getOutputStream(), true, StandardCharsets.UTF_8);
            out.println(command);
            BufferedReader in =
                    new BufferedReader(
                            new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
            return Optional.ofNullable(in.readLine());
        } catch (IOException unreachable) {
            return Optional.empty();
        }
    }

    @Override
    public boolean leads(int node) {
        return ask(node, "role").equals(Optional.of("leader"));
    }

    @Override
    public boolean write(int node, String value) {
        return ask(node, "put " + value).equals(Optional.of("ok"));
    }

    @Override
    public Optional<String> read(int node) {
        return ask(node, "get")
                .filter(answer -> answer.startsWith("value "))
                .map(answer -> answer.substring("value ".length()));
    }

    @Override
    public void observe(int node) {
        require(node, "observe");
    }

    @Override
    public Reads observed(int node, long afterNanos, String current) {
        List<Long> counts =
                Splitter.on(' ')
                        .splitToStream(require(node, "observed " + afterNanos + " " + current))
                        .map(Long::valueOf)
                        .toList();
        return new Reads(counts.get(0), counts.get(1), counts.get(2));
    }

    private String require(int node, String command) {
        return ask(node, command)
                .orElseThrow(() -> new IllegalStateException("ratis-" + node + " doesn't answer"));
    }

    @Override
    public void flood(int node, Duration howLong) {
        require(node, "flood " + howLong.toMillis());
    }

    @Override
    public void pause(int node) {
        processes.get(node).signal("STOP");
    }

    @Override
    public void resume(int node) {
        processes.get(node).signal("CONT");
    }

    @Override
    public TestNetwork network() {
        return network;
    }

    @Override
    public String logTails() {
        return processes.stream()
                .map(process -> process.logTail(40))
                .collect(Collectors.joining(System.lineSeparator()));
    }

    @Override
    public void close() {
        processes.forEach(ServerProcess::close);
        network.close();
    }
}
