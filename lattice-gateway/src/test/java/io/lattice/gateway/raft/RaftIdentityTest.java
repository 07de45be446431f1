package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RaftIdentityTest {
    private static final String MARKER = "IDENTITY";
    private static final UUID GROUP = TestSettings.GROUP;

    @TempDir Path root;

    private RaftSettings settings() {
        return TestSettings.single(root, "n1");
    }

    private static String created(RaftSettings settings) throws IOException {
        try (RaftIdentity identity = RaftIdentity.open(settings)) {
            identity.found(GROUP, List.of(identity.raftId(), "n2~1"));
            return identity.raftId();
        }
    }

    private static void refused(RaftSettings settings, String... saying) throws IOException {
        List<String> before = content(settings);
        assertThatThrownBy(() -> RaftIdentity.open(settings))
                .isInstanceOf(RaftIdentity.DirectoryException.class)
                .hasMessageContainingAll(saying);
        assertThat(content(settings)).as("what a refusal leaves behind").isEqualTo(before);
    }

    /// All files but the locks, with what is in them.
    private static List<String> content(RaftSettings settings) throws IOException {
        try (Stream<Path> files =
                Stream.concat(
                        Files.walk(settings.dataDirectory()),
                        Files.walk(settings.walDirectory()))) {
            return files.filter(Files::isRegularFile)
                    .filter(file -> !file.endsWith("LOCK"))
                    .map(file -> file + ": " + text(file))
                    .sorted()
                    .toList();
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void aNewNodeGetsAnIdentityOfItsOwn() throws IOException {
        RaftSettings other = TestSettings.single(root.resolve("other"), "n1");

        String first = created(settings());
        String second = created(other);

        assertThat(first).startsWith("n1~").isNotEqualTo(second);
        assertThat(RaftIdentity.nodeOf(first)).isEqualTo("n1");
    }

    @Test
    void theIdentityAndTheFoundersSurviveARestart() throws IOException {
        String raftId = created(settings());

        try (RaftIdentity reopened = RaftIdentity.open(settings())) {
            assertThat(reopened.raftId()).isEqualTo(raftId);
            assertThat(reopened.founders(GROUP)).containsExactly(raftId, "n2~1");
            assertThat(reopened.logMade(GROUP)).isFalse();
        }
    }

    @Test
    void thatALogWasMadeSurvivesARestart() throws IOException {
        created(settings());
        try (RaftIdentity identity = RaftIdentity.open(settings())) {
            identity.noteLogMade(GROUP);
        }

        try (RaftIdentity reopened = RaftIdentity.open(settings())) {
            assertThat(reopened.logMade(GROUP)).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"data", "wal"})
    void oneEmptyDirectoryIsRefused(String emptied) throws IOException {
        String raftId = created(settings());
        Files.delete(root.resolve(emptied).resolve(MARKER));

        refused(settings(), root.resolve(emptied) + " is empty", raftId);
    }

    @ParameterizedTest
    @ValueSource(strings = {"data", "wal"})
    void aDirectoryOfAnotherNodeIsRefused(String swapped) throws IOException {
        RaftSettings other = TestSettings.single(root.resolve("other"), "n1");
        String mine = created(settings());
        String theirs = created(other);
        Files.copy(
                root.resolve("other").resolve(swapped).resolve(MARKER),
                root.resolve(swapped).resolve(MARKER),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);

        refused(settings(), mine, theirs);
    }

    @Test
    void theDirectoriesOfANodeWithAnotherNameAreRefused() throws IOException {
        created(settings());

        refused(TestSettings.single(root, "n2"), "belongs to node n1", "this is node n2");
    }

    @Test
    void theDirectoriesOfAnotherClusterAreRefused() throws IOException {
        created(settings());
        UUID otherCluster = UUID.nameUUIDFromBytes(new byte[] {2});

        refused(
                TestSettings.of(root, "n1", otherCluster, 1),
                "another cluster",
                TestSettings.GROUP.toString(),
                otherCluster.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"data", "wal"})
    void aDirectoryWithForeignFilesIsRefused(String foreign) throws IOException {
        Files.createDirectories(settings().dataDirectory());
        Files.createDirectories(settings().walDirectory());
        Files.writeString(root.resolve(foreign).resolve("thesis.txt"), "irreplaceable");

        refused(settings(), root.resolve(foreign).toString(), "thesis.txt");
    }

    @Test
    void theFolderThatAFileSystemBringsIsNotForeign() throws IOException {
        Files.createDirectories(settings().walDirectory().resolve("lost+found"));

        assertThat(created(settings())).startsWith("n1~");
    }

    @Test
    void aCrashBetweenTheTwoFirstMarkersIsFinished() throws IOException {
        String raftId = created(settings());
        Path wal = settings().walDirectory();
        Files.move(wal.resolve(MARKER), wal.resolve(MARKER + ".tmp"));

        try (RaftIdentity reopened = RaftIdentity.open(settings())) {
            assertThat(reopened.raftId()).isEqualTo(raftId);
        }
        assertThat(text(wal.resolve(MARKER)))
                .isEqualTo(text(settings().dataDirectory().resolve(MARKER)));
    }

    @Test
    void aCrashBetweenTheTwoMarkersWithTheFoundersIsFinished() throws IOException {
        String raftId;
        try (RaftIdentity identity = RaftIdentity.open(settings())) {
            raftId = identity.raftId();
        }
        Path wal = settings().walDirectory();
        String withoutFounders = text(wal.resolve(MARKER));
        try (RaftIdentity identity = RaftIdentity.open(settings())) {
            identity.found(GROUP, List.of(raftId, "n2~1"));
        }
        Files.move(wal.resolve(MARKER), wal.resolve(MARKER + ".tmp"));
        Files.writeString(wal.resolve(MARKER), withoutFounders);

        try (RaftIdentity reopened = RaftIdentity.open(settings())) {
            assertThat(reopened.founders(GROUP)).containsExactly(raftId, "n2~1");
        }
    }

    @Test
    void aCrashBeforeEitherMarkerWasInForceLeavesANewNode() throws IOException {
        String never = created(settings());
        for (Path directory : List.of(settings().dataDirectory(), settings().walDirectory())) {
            Files.move(directory.resolve(MARKER), directory.resolve(MARKER + ".tmp"));
        }

        try (RaftIdentity identity = RaftIdentity.open(settings())) {
            assertThat(identity.raftId()).startsWith("n1~").isNotEqualTo(never);
            assertThat(identity.founders(GROUP)).isEmpty();
        }
    }

    @Test
    void aHalfWrittenMarkerOfAnotherKindIsNotTakenForAnUnfinishedOne() throws IOException {
        String raftId = created(settings());
        Path wal = settings().walDirectory();
        Files.delete(wal.resolve(MARKER));
        Files.writeString(wal.resolve(MARKER + ".tmp"), "raft_id=n1~0000");

        refused(settings(), wal + " is empty", raftId);
    }

    @Test
    void aSecondOpenInThisProcessIsRefusedUntilTheFirstIsClosed() throws IOException {
        try (RaftIdentity first = RaftIdentity.open(settings())) {
            assertThat(first.raftId()).startsWith("n1~");

            refused(settings(), "in use by another process");
        }

        try (RaftIdentity next = RaftIdentity.open(settings())) {
            assertThat(next.raftId()).startsWith("n1~");
        }
    }

    @Test
    void aSecondProcessIsRefused() throws Exception {
        created(settings());
        Process holder =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-cp",
                                System.getProperty("java.class.path"),
                                LockHolder.class.getName(),
                                settings().walDirectory().resolve("LOCK").toString())
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        try (InputStream out = holder.getInputStream()) {
            assertThat(new String(out.readNBytes(LockHolder.HELD.length()), StandardCharsets.UTF_8))
                    .isEqualTo(LockHolder.HELD);

            refused(settings(), settings().walDirectory() + " is in use");
        } finally {
            holder.destroyForcibly();
        }
        assertThat(holder.waitFor(20, TimeUnit.SECONDS)).isTrue();
        try (RaftIdentity after = RaftIdentity.open(settings())) {
            assertThat(after.raftId()).startsWith("n1~");
        }
    }
}
