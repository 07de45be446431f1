package io.lattice.it.cluster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/// One process that runs beside the tests, mostly a server, whose output goes to a log file. It never outlives this JVM, save for a SIGKILL of
/// the JVM itself. Not thread safe, but any thread may call [#kill()].
public final class ServerProcess implements AutoCloseable {
    private static final Set<ServerProcess> ALIVE = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime()
                .addShutdownHook(
                        new Thread(() -> ALIVE.forEach(ServerProcess::kill), "kill-servers"));
    }

    private final String name;
    private final Process process;
    private final Path log;

    private ServerProcess(String name, Process process, Path log) {
        this.name = name;
        this.process = process;
        this.log = log;
    }

    /// Starts `command` with nothing on its standard input; standard output and error are appended to `log`.
    public static ServerProcess start(
            String name, List<String> command, Map<String, String> environment, Path log) {
        return start(
                name,
                command,
                environment,
                log,
                ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
    }

    /// Starts `command`, which is told what to do by [#type]; standard output and error are appended to `log`.
    public static ServerProcess startInteractive(String name, List<String> command, Path log) {
        return start(name, command, Map.of(), log, ProcessBuilder.Redirect.PIPE);
    }

    private static ServerProcess start(
            String name,
            List<String> command,
            Map<String, String> environment,
            Path log,
            ProcessBuilder.Redirect input) {
        try {
            Files.createDirectories(log.toAbsolutePath().getParent());
            ProcessBuilder builder =
                    new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectInput(input)
                            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
            builder.environment().putAll(environment);
            ServerProcess started = new ServerProcess(name, builder.start(), log);
            ALIVE.add(started);
            return started;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start " + command, e);
        }
    }

    public String name() {
        return name;
    }

    /// Gives the process a line on its standard input.
    public void type(String line) {
        try {
            process.outputWriter(StandardCharsets.UTF_8).append(line).append('\n').flush();
        } catch (IOException e) {
            throw new UncheckedIOException(name + " takes no input", e);
        }
    }

    public long pid() {
        return process.pid();
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /// Where the process' output is.
    public Path log() {
        return log;
    }

    /// Sends SIGKILL to the process and all that it started, and waits until it is gone.
    public void kill() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        awaitExit(Duration.ofSeconds(20));
        ALIVE.remove(this);
    }

    /// Sends a signal by its name, such as `STOP`, to the process and all that it started.
    public void signal(String signal) {
        process.descendants().forEach(child -> send(signal, child.pid()));
        send(signal, process.pid());
    }

    private static void send(String signal, long pid) {
        Command.run(Duration.ofSeconds(10), List.of("kill", "-" + signal, Long.toString(pid)))
                .orThrow();
    }

    /// Sends SIGTERM and waits until the process has ended.
    ///
    /// @return the exit code
    /// @throws Await.AwaitTimeoutException if it is still there after `limit`
    public int terminate(Duration limit) {
        process.destroy();
        return awaitExit(limit);
    }

    /// Waits until the process has ended by itself.
    ///
    /// @return the exit code
    /// @throws Await.AwaitTimeoutException if it is still there after `limit`
    public int awaitExit(Duration limit) {
        try {
            if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new Await.AwaitTimeoutException(
                        "%s has not ended after %d ms%n%s"
                                .formatted(name, limit.toMillis(), logTail(60)),
                        null);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Await.AwaitTimeoutException("interrupted while waiting for " + name, e);
        }
        ALIVE.remove(this);
        return process.exitValue();
    }

    /// The whole log.
    public String logText() {
        try {
            return Files.exists(log)
                    ? new String(Files.readAllBytes(log), StandardCharsets.UTF_8)
                    : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// The last `lines` lines of the log under a heading.
    public String logTail(int lines) {
        List<String> all = logText().lines().toList();
        return "---- %s (pid %d, %s), end of %s%n%s"
                .formatted(
                        name,
                        process.pid(),
                        process.isAlive() ? "alive" : "exit " + process.exitValue(),
                        log,
                        String.join(
                                System.lineSeparator(),
                                all.subList(Math.max(0, all.size() - lines), all.size())));
    }

    @Override
    public void close() {
        kill();
    }
}
