package io.lattice.statemachine.storage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.RocksDB;
import org.rocksdb.WriteBatch;

final class RocksStoreTest {
    private static final StoreOptions OPTIONS =
            new StoreOptions(8 << 20, 8 << 20, 1 << 20, 16, 2, 64);

    @TempDir Path root;

    @Test
    void batchIsWrittenWhole() {
        try (RocksStore store = RocksStore.open(root.resolve("s"), OPTIONS)) {
            WriteBuffer buffer = store.newBuffer();
            buffer.put(Family.CURRENT, bytes("k"), bytes("old"));
            buffer.put(Family.CURRENT, bytes("gone"), bytes("x"));
            buffer.put(Family.EVENTS, bytes("k"), bytes("he"), bytes("ad"));
            buffer.put(Family.META, bytes("long"), new byte[100_000]);
            buffer.delete(Family.CURRENT, bytes("gone"));
            buffer.put(Family.CURRENT, bytes("k"), new byte[0]);

            store.write(buffer);

            assertThat(store.get(Family.CURRENT, bytes("k"))).isEmpty();
            assertThat(store.get(Family.CURRENT, bytes("gone"))).isNull();
            assertThat(store.get(Family.EVENTS, bytes("k"))).isEqualTo(bytes("head"));
            assertThat(store.get(Family.META, bytes("long"))).hasSize(100_000);
            assertThat(store.get(Family.VERSIONS, bytes("k"))).isNull();
        }
    }

    @Test
    void representationIsRocksDbsOwn() throws Exception {
        NativeLibrary.load();
        WriteBuffer buffer = new WriteBuffer(new int[] {1, 2, 3, 300});
        buffer.put(Family.META, bytes("a"), new byte[200]);
        buffer.delete(Family.CURRENT, new byte[130]);

        try (WriteBatch batch = new WriteBatch(buffer.toRepresentation())) {
            List<String> seen = new ArrayList<>();
            batch.iterate(new RecordingHandler(seen));

            assertThat(batch.count()).isEqualTo(2);
            assertThat(seen).containsExactly("put 300 1 200", "delete 1 130");
        }
    }

    @Test
    void truncatedPartIsNotWritten() {
        try (RocksStore store = RocksStore.open(root.resolve("s"), OPTIONS)) {
            WriteBuffer buffer = store.newBuffer();
            buffer.put(Family.CURRENT, bytes("a"), bytes("1"));
            int length = buffer.length();
            int count = buffer.count();
            buffer.put(Family.CURRENT, bytes("b"), bytes("2"));
            buffer.truncate(length, count);

            store.write(buffer);

            assertThat(store.get(Family.CURRENT, bytes("a"))).isEqualTo(bytes("1"));
            assertThat(store.get(Family.CURRENT, bytes("b"))).isNull();
        }
    }

    @Test
    void snapshotStandsStill() {
        try (RocksStore store = RocksStore.open(root.resolve("s"), OPTIONS)) {
            put(store, "k", "old");
            StoreSnapshot snapshot = store.snapshot();

            put(store, "k", "new");
            put(store, "l", "new");

            assertThat(snapshot.get(Family.CURRENT, bytes("k"))).isEqualTo(bytes("old"));
            try (Cursor cursor = snapshot.cursor(Family.CURRENT, bytes("a"), bytes("z"))) {
                assertThat(cursor.valid()).isTrue();
                cursor.next();
                assertThat(cursor.valid()).isFalse();
            }
            snapshot.release();
            assertThat(snapshot.tryAcquire()).isFalse();
        }
    }

    @Test
    void secondOpeningIsRefused() {
        Path directory = root.resolve("s");
        try (RocksStore store = RocksStore.open(directory, OPTIONS)) {
            put(store, "k", "v");

            assertThatThrownBy(() -> RocksStore.open(directory, OPTIONS))
                    .isInstanceOf(StorageException.class)
                    .hasMessageContaining("in use by another process")
                    .hasMessageContaining(directory.toString());
        }
    }

    @Test
    void foreignDatabaseIsRefused() throws Exception {
        NativeLibrary.load();
        Path directory = root.resolve("foreign");
        RocksDB.open(directory.toString()).close();

        assertThatThrownBy(() -> RocksStore.open(directory, OPTIONS))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("is not a Lattice store");
    }

    @Test
    void tablesWithoutTheirManifestAreRefused() throws IOException {
        Path directory = root.resolve("s");
        try (RocksStore store = RocksStore.open(directory, OPTIONS)) {
            put(store, "k", "v");
            store.flush();
        }
        Files.delete(directory.resolve("CURRENT"));

        assertThatThrownBy(() -> RocksStore.open(directory, OPTIONS))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("no CURRENT file");
    }

    @Test
    void flippedBitInATableIsAnErrorNotAnAnswer() throws IOException {
        Path directory = root.resolve("s");
        try (RocksStore store = RocksStore.open(directory, OPTIONS)) {
            put(store, "k", "a value to be found");
            store.flush();
        }
        try (Stream<Path> files = Files.list(directory)) {
            Path table = files.filter(f -> f.toString().endsWith(".sst")).findFirst().orElseThrow();
            byte[] content = Files.readAllBytes(table);
            content[3] ^= 4;
            Files.write(table, content);
        }

        try (RocksStore store = RocksStore.open(directory, OPTIONS)) {
            assertThatThrownBy(() -> store.get(Family.CURRENT, bytes("k")))
                    .isInstanceOf(StorageException.class)
                    .hasMessageContaining("checksum");
        }
    }

    @Test
    void useAfterCloseIsRefused() {
        RocksStore store = RocksStore.open(root.resolve("s"), OPTIONS);
        store.close();

        assertThatThrownBy(store::flush).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> store.checkpoint(root.resolve("c")))
                .isInstanceOf(IllegalStateException.class);
    }

    private static void put(RocksStore store, String key, String value) {
        WriteBuffer buffer = store.newBuffer();
        buffer.put(Family.CURRENT, bytes(key), bytes(value));
        store.write(buffer);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }
}
