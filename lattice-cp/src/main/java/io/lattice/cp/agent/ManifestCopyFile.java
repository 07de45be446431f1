package io.lattice.cp.agent;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.lattice.cp.document.ManifestDocuments;
import io.lattice.cp.manifest.Sha256;
import io.lattice.proto.manifest.ManifestCopy;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The copy of the last good manifest in a node's data directory. A crash leaves the copy from before or the one from after.
///
/// The file is a line with the SHA-256 of what follows, and a [ManifestCopy]. Belongs to the agent's thread.
final class ManifestCopyFile {
    /// The file's name; [io.lattice.cp.agent.CpAgent] says so to those who look after the directory.
    static final String NAME = "MANIFEST";

    private static final int DIGEST_CHARACTERS = 71;

    /// The kernel's uptime is in hundredths of a second, rounded down on both ends.
    private static final long ROUNDING_MS = 10;

    private final Path file;
    private final UptimeClock clock;

    ManifestCopyFile(Path directory, UptimeClock clock) {
        this.file = directory.resolve(NAME);
        this.clock = clock;
    }

    /// What is in the file.
    ///
    /// @param age since the control plane confirmed it; null if that can't be told
    record Loaded(ManifestDocuments documents, @Nullable Duration age) {}

    /// Replaces the copy.
    ///
    /// @param age since the control plane confirmed the documents
    void store(ManifestDocuments documents, Duration age) throws IOException {
        UptimeClock.Instant now = clock.now();
        ManifestCopy.Builder copy =
                ManifestCopy.newBuilder()
                        .setDigest(documents.digest())
                        .setBootId(now.bootId())
                        .setConfirmedUptimeMs(now.uptimeMs() - age.toMillis())
                        .setConfirmedWallMs(now.wallMs() - age.toMillis());
        documents
                .canonical()
                .forEach((key, json) ->
                        copy.addDocuments(
                                ManifestCopy.Document.newBuilder()
                                        .setKey(key)
                                        .setValue(ByteString.copyFromUtf8(json))));
        byte[] content = copy.build().toByteArray();
        write((Sha256.tagged(content) + "\n").getBytes(StandardCharsets.US_ASCII), content);
    }

    private void write(byte[] line, byte[] content) throws IOException {
        Path directory = directory();
        Files.createDirectories(directory);
        Path scratch = directory.resolve(NAME + ".new");
        try (FileChannel out =
                FileChannel.open(
                        scratch,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
            writeFully(out, ByteBuffer.wrap(line));
            writeFully(out, ByteBuffer.wrap(content));
            out.force(true);
        }
        Files.move(
                scratch, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        try (FileChannel entry = FileChannel.open(directory, StandardOpenOption.READ)) {
            entry.force(true);
        }
    }

    private static void writeFully(FileChannel out, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            if (out.write(bytes) < 0) {
                throw new IOException("the file takes no more bytes");
            }
        }
    }

    private Path directory() {
        Path directory = file.getParent();
        if (directory == null) {
            throw new UncheckedIOException(new IOException(file + " has no directory"));
        }
        return directory;
    }

    /// Reads the copy; null if there is none.
    ///
    /// @throws IOException if it can't be read, or isn't what was stored
    @Nullable Loaded load() throws IOException {
        if (!Files.exists(file)) {
            return null;
        }
        byte[] bytes = Files.readAllBytes(file);
        if (bytes.length <= DIGEST_CHARACTERS || bytes[DIGEST_CHARACTERS] != '\n') {
            throw new IOException(file + " is damaged: it begins with no digest");
        }
        String digest = new String(bytes, 0, DIGEST_CHARACTERS, StandardCharsets.US_ASCII);
        byte[] content = Arrays.copyOfRange(bytes, DIGEST_CHARACTERS + 1, bytes.length);
        if (!Sha256.tagged(content).equals(digest)) {
            throw new IOException(
                    "%s is damaged: found digest %s; allowed %s"
                            .formatted(file, Sha256.tagged(content), digest));
        }
        ManifestCopy copy = parse(content);
        Map<String, ByteString> values = new TreeMap<>();
        copy.getDocumentsList()
                .forEach(document -> values.put(document.getKey(), document.getValue()));
        return switch (ManifestDocuments.parse(values)) {
            case ManifestDocuments.Outcome.Good(ManifestDocuments documents) -> {
                if (!documents.digest().equals(copy.getDigest())) {
                    throw new IOException(
                            "%s is of another version: found manifest %s; allowed %s"
                                    .formatted(file, documents.digest(), copy.getDigest()));
                }
                yield new Loaded(documents, age(copy));
            }
            case ManifestDocuments.Outcome.Refused refused ->
                    throw new IOException(
                            file + " holds a manifest that is refused: " + refused.problems());
        };
    }

    private ManifestCopy parse(byte[] content) throws IOException {
        try {
            return ManifestCopy.parseFrom(content);
        } catch (InvalidProtocolBufferException e) {
            throw new IOException(file + " is damaged", e);
        }
    }

    /// The machine's uptime is what counts. The wall clock may add to it, for what the uptime doesn't see, and never take
    /// away: it may have been set back. In another boot there is nothing to measure with.
    private @Nullable Duration age(ManifestCopy copy) throws IOException {
        UptimeClock.Instant now = clock.now();
        long byUptime = now.uptimeMs() - copy.getConfirmedUptimeMs();
        if (!now.bootId().equals(copy.getBootId()) || byUptime < 0) {
            return null;
        }
        long byWall = now.wallMs() - copy.getConfirmedWallMs();
        return Duration.ofMillis(Math.max(byUptime, byWall) + ROUNDING_MS);
    }
}
