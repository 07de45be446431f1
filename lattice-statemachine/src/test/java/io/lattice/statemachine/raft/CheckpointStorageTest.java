package io.lattice.statemachine.raft;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.statemachine.storage.FileTrees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What becomes of a leader's snapshots while Ratis receives them, as Ratis moves the folders.
class CheckpointStorageTest {
    @TempDir Path root;
    private CheckpointStorage storage;

    @BeforeEach
    void open() throws IOException {
        storage = new CheckpointStorage(root);
        storage.discardUnfinished();
        storage.recover();
    }

    /// As Ratis makes it for one transfer.
    private Path receive(String request, String checkpoint) throws IOException {
        Path folder = root.resolve("tmp/snapshot-" + request);
        Files.createDirectories(folder.resolve(checkpoint));
        Files.writeString(folder.resolve(checkpoint).resolve("CURRENT"), "MANIFEST-1");
        return folder;
    }

    private void putInPlace(Path received) throws IOException {
        FileTrees.delete(root.resolve("snapshots"));
        Files.move(received, root.resolve("snapshots"));
    }

    @Test
    void theNextSnapshotMayArriveWhileOneIsTakenUp() throws IOException {
        Path brokenOff = receive("a", "checkpoint-1-10");
        Path whole = receive("b", "checkpoint-1-20");
        storage.syncReceived();
        putInPlace(whole);
        Path next = receive("c", "checkpoint-1-30");

        storage.recover();

        assertThat(storage.newest().orElseThrow().position().index()).isEqualTo(20);
        assertThat(brokenOff).doesNotExist();
        assertThat(next.resolve("checkpoint-1-30/CURRENT")).exists();

        storage.syncReceived();
        putInPlace(next);
        storage.recover();

        assertThat(storage.newest().orElseThrow().position().index()).isEqualTo(30);
    }

    @Test
    void aCheckpointThatIsBeingMadeMeanwhileDoesNotMatter() throws IOException {
        Path whole = receive("a", "checkpoint-1-20");
        Path making = storage.scratch("checkpoint");
        Files.createDirectory(making);
        // What is gone when it is looked at.
        Files.createSymbolicLink(making.resolve("000012.sst"), root.resolve("gone"));

        storage.syncReceived();
        putInPlace(whole);
        storage.recover();

        assertThat(storage.newest().orElseThrow().position().index()).isEqualTo(20);
        assertThat(making).isDirectory();
    }

    @Test
    void aStartForgetsWhatTheLastProcessDidNotFinish() throws IOException {
        Path brokenOff = receive("a", "checkpoint-1-10");

        storage.discardUnfinished();
        storage.recover();

        assertThat(brokenOff).doesNotExist();
        assertThat(storage.scratch("checkpoint").getParent()).isDirectory();
    }
}
