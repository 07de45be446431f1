package io.lattice.it.cluster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Map;

/// Shows single nodes a wall clock that is ahead or behind, and jumps while they run: a small C library that is loaded before
/// the C library adds to what that answers. The monotonic clock stays the machine's. It needs gcc. Thread-safe.
///
/// Not libfaketime, which takes a lock for each question for the time, of the monotonic clock too: a node takes minutes to start.
public final class WallClock {
    private static final String NAME = "wall_clock";
    private static final Duration SEEN_LIMIT = Duration.ofSeconds(60);

    private final Path library;

    private WallClock(Path library) {
        this.library = library;
    }

    /// Compiles the library into `folder`.
    ///
    /// @throws IllegalStateException if that doesn't work, with what gcc said
    public static WallClock create(Path folder) {
        return new WallClock(Preloaded.compile(NAME, folder));
    }

    /// What the node's process must have in its environment.
    Map<String, String> environment(NodeSpec node) {
        if (!Files.exists(control(node))) {
            write(node, Duration.ZERO);
        }
        return Map.of(
                "LD_PRELOAD",
                library.toString(),
                "LATTICE_IT_WALL_CLOCK",
                control(node).toString());
    }

    /// Moves the clock of a running node, and waits until the node sees it.
    ///
    /// @param ahead of the machine's clock; negative: behind it
    public void jump(NodeSpec node, Duration ahead) {
        write(node, ahead);
        Await.until(
                node.name() + " sees its clock jump",
                SEEN_LIMIT,
                () -> {
                    Duration seen = Duration.between(Instant.now(), timeOf(node));
                    return seen.minus(ahead).abs().compareTo(Duration.ofMinutes(1)) < 0;
                });
    }

    /// The time of day that the node's telemetry port answers with.
    private static Instant timeOf(NodeSpec node) throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<Void> response =
                    client.send(
                            HttpRequest.newBuilder(
                                            URI.create(
                                                    "http://%s:%d/"
                                                            .formatted(
                                                                    node.host(),
                                                                    node.metricsPort())))
                                    .timeout(Duration.ofSeconds(5))
                                    .build(),
                            HttpResponse.BodyHandlers.discarding());
            String date = response.headers().firstValue("Date").orElseThrow();
            return ZonedDateTime.parse(date, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
        }
    }

    /// Into the file as it is, which the process has mapped.
    private static void write(NodeSpec node, Duration ahead) {
        ByteBuffer seconds =
                ByteBuffer.allocate(Long.BYTES)
                        .order(ByteOrder.nativeOrder())
                        .putLong(0, ahead.toSeconds());
        try {
            Files.createDirectories(node.directory());
            try (FileChannel file =
                    FileChannel.open(
                            control(node), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                file.write(seconds, 0);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path control(NodeSpec node) {
        return node.directory().resolve("wall-clock");
    }
}
