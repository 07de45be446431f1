package io.lattice.cp.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.lattice.cp.document.ManifestDocuments;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ManifestCopyFileTest {
    private static final ManifestDocuments DOCUMENTS = documents("h1:2380");

    @TempDir private Path directory;

    private String bootId = "boot-1";
    private long uptimeMs = 1_000_000;
    private long wallMs = 1_700_000_000_000L;

    static ManifestDocuments documents(String raftAddress) {
        String group =
                "{\"replicas\": [{\"nodeId\": \"n1\", \"raftAddress\": \"" + raftAddress + "\"}]}";
        ManifestDocuments.Outcome outcome =
                ManifestDocuments.parse(
                        Map.of("/clustor/v1/groups/g1", ByteString.copyFromUtf8(group)));
        return ((ManifestDocuments.Outcome.Good) outcome).documents();
    }

    private ManifestCopyFile copy() {
        return new ManifestCopyFile(
                directory, () -> new UptimeClock.Instant(bootId, uptimeMs, wallMs));
    }

    @Test
    void thereIsNoneBeforeTheFirst() throws IOException {
        assertThat(copy().load()).isNull();
    }

    @Test
    void ageGoesOnWhileTheNodeIsDown() throws IOException {
        copy().store(DOCUMENTS, Duration.ofSeconds(2));
        uptimeMs += 5_000;
        wallMs += 5_000;

        assertThat(copy().load())
                .isEqualTo(new ManifestCopyFile.Loaded(DOCUMENTS, Duration.ofMillis(7_010)));
    }

    @Test
    void aWallClockSetBackDoesNotMakeItYounger() throws IOException {
        copy().store(DOCUMENTS, Duration.ZERO);
        uptimeMs += 60_000;
        wallMs -= 3_600_000;

        assertThat(copy().load().age()).isEqualTo(Duration.ofMillis(60_010));
    }

    @Test
    void aWallClockThatSaysMoreIsBelieved() throws IOException {
        copy().store(DOCUMENTS, Duration.ZERO);
        uptimeMs += 1_000;
        wallMs += 3_600_000;

        assertThat(copy().load().age()).isEqualTo(Duration.ofMillis(3_600_010));
    }

    @Test
    void inAnotherBootNobodyKnowsTheAge() throws IOException {
        copy().store(DOCUMENTS, Duration.ZERO);
        bootId = "boot-2";

        assertThat(copy().load()).isEqualTo(new ManifestCopyFile.Loaded(DOCUMENTS, null));
    }

    @Test
    void anUptimeThatWentBackTellsNoAge() throws IOException {
        copy().store(DOCUMENTS, Duration.ZERO);
        uptimeMs -= 1;

        assertThat(copy().load().age()).isNull();
    }

    @Test
    void aLaterCopyReplacesTheOneBeforeAndLeavesNothingElse() throws IOException {
        copy().store(DOCUMENTS, Duration.ZERO);
        copy().store(documents("h2:2380"), Duration.ZERO);

        assertThat(copy().load().documents()).isEqualTo(documents("h2:2380"));
        try (var files = Files.list(directory)) {
            assertThat(files).containsExactly(directory.resolve("MANIFEST"));
        }
    }

    @Test
    void whatACrashLeftHalfWrittenDoesNotMatter() throws IOException {
        copy().store(DOCUMENTS, Duration.ZERO);
        Files.writeString(directory.resolve("MANIFEST.new"), "sha256:half");

        assertThat(copy().load().documents()).isEqualTo(DOCUMENTS);
        copy().store(documents("h2:2380"), Duration.ZERO);
        assertThat(copy().load().documents()).isEqualTo(documents("h2:2380"));
    }

    /// Whichever bit is wrong, the time of the confirmation included, the file isn't used.
    @Test
    void anyDamageIsSeen() throws IOException {
        copy().store(DOCUMENTS, Duration.ZERO);
        Path file = directory.resolve("MANIFEST");
        byte[] good = Files.readAllBytes(file);
        long seed = 42;
        Random random = new Random(seed);

        for (int i = 0; i < good.length; i++) {
            byte[] bad = good.clone();
            bad[i] ^= (byte) (1 << random.nextInt(8));
            Files.write(file, bad);
            assertThatThrownBy(() -> copy().load())
                    .as("byte %d, seed %d", i, seed)
                    .isInstanceOf(IOException.class);
        }
        for (int length = 0; length < good.length; length++) {
            Files.write(file, java.util.Arrays.copyOf(good, length));
            assertThatThrownBy(() -> copy().load()).isInstanceOf(IOException.class);
        }
    }

    @Test
    void theKernelsClockTells() throws IOException {
        UptimeClock.Instant first = UptimeClock.ofKernel().now();
        UptimeClock.Instant second = UptimeClock.ofKernel().now();

        assertThat(first.bootId()).isNotBlank().isEqualTo(second.bootId());
        assertThat(second.uptimeMs()).isGreaterThanOrEqualTo(first.uptimeMs()).isPositive();
    }
}
