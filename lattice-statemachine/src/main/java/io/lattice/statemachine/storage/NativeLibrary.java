package io.lattice.statemachine.storage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.rocksdb.NativeLibraryLoader;
import org.rocksdb.RocksDB;

/// RocksDB's native library, which lies in a jar and has to be a file to be loaded.
///
/// RocksDB by itself leaves the file, 17 MB, in the temporary directory until the JVM ends in order. A killed one leaves it for good:
/// a node that is killed again and again would fill the disk.
final class NativeLibrary {
    private static boolean loaded;

    private NativeLibrary() {}

    /// Loads the library, once in a process, and leaves no file.
    ///
    /// @throws StorageException if the temporary directory (`java.io.tmpdir`) can't take it
    static synchronized void load() {
        if (loaded) {
            return;
        }
        try {
            Path directory = Files.createTempDirectory("lattice-rocksdb-");
            try {
                NativeLibraryLoader.getInstance().loadLibrary(directory.toString());
            } finally {
                // The process goes on with what it has mapped.
                FileTrees.delete(directory);
            }
        } catch (IOException e) {
            throw new StorageException(
                    "RocksDB's library can't be unpacked into "
                            + System.getProperty("java.io.tmpdir")
                            + ": "
                            + e.getMessage(),
                    e);
        }
        // Finds it loaded, and takes note.
        RocksDB.loadLibrary();
        loaded = true;
    }
}
