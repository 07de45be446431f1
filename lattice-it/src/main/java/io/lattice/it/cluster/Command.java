package io.lattice.it.cluster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Runs short-lived programs to their end.
public final class Command {
    private Command() {}

    /// What a program left behind.
    public record Result(List<String> command, int exit, String out, String err) {
        /// The result itself if the exit code is 0.
        ///
        /// @throws IllegalStateException otherwise, with the command and what it printed
        public Result orThrow() {
            if (exit != 0) {
                throw new IllegalStateException(
                        "exit %d of %s%n%s%s".formatted(exit, String.join(" ", command), out, err));
            }
            return this;
        }
    }

    /// Runs `command` with an empty standard input.
    public static Result run(Duration limit, List<String> command) {
        return run(limit, command, null);
    }

    /// Runs `command`; it is killed, and its exit code reported as -1, when it takes longer than `limit`.
    /// Output goes through files, so that no amount of it blocks the program.
    ///
    /// @param input what it reads from standard input; null: nothing
    public static Result run(Duration limit, List<String> command, @Nullable String input) {
        Path out = null;
        Path err = null;
        Path in = null;
        try {
            out = Files.createTempFile("lattice-it", ".out");
            err = Files.createTempFile("lattice-it", ".err");
            in = Files.createTempFile("lattice-it", ".in");
            Files.writeString(in, input == null ? "" : input);
            Process process =
                    new ProcessBuilder(command)
                            .redirectInput(in.toFile())
                            .redirectOutput(out.toFile())
                            .redirectError(err.toFile())
                            .start();
            int exit = waitFor(process, limit);
            return new Result(command, exit, text(out), text(err));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot run " + command, e);
        } finally {
            delete(out);
            delete(err);
            delete(in);
        }
    }

    /// Runs `command` until it has printed `count` lines, ends it, and returns these; fewer if it ended before.
    public static List<String> lines(Duration limit, List<String> command, int count) {
        Path out = null;
        Process process = null;
        try {
            out = Files.createTempFile("lattice-it", ".out");
            Path printed = out;
            Process started =
                    new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(out.toFile())
                            .start();
            process = started;
            Await.until(
                    "%s has printed %d lines".formatted(command, count),
                    limit,
                    () ->
                            text(printed).chars().filter(c -> c == '\n').count() >= count
                                    || !started.isAlive());
            return text(out).lines().limit(count).toList();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot run " + command, e);
        } finally {
            if (process != null) {
                process.destroyForcibly();
            }
            delete(out);
        }
    }

    private static int waitFor(Process process, Duration limit) {
        try {
            if (process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                return process.exitValue();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        return -1;
    }

    private static String text(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }

    private static void delete(@Nullable Path file) {
        if (file != null) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
