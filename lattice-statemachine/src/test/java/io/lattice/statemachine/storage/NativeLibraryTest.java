package io.lattice.statemachine.storage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.rocksdb.RocksDB;

class NativeLibraryTest {
    @Test
    void nothingIsLeftOfItInAnyDirectory() throws IOException {
        NativeLibrary.load();

        assertThat(RocksDB.rocksdbVersion().getMajor()).isPositive();
        List<String> mapped =
                Files.readAllLines(Path.of("/proc/self/maps")).stream()
                        .filter(line -> line.contains("librocksdbjni"))
                        .toList();
        assertThat(mapped).isNotEmpty().allMatch(line -> line.endsWith("(deleted)"));
    }
}
