package io.lattice.statemachine.storage;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.rocksdb.Checkpoint;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.CompactRangeOptions;
import org.rocksdb.DBOptions;
import org.rocksdb.FlushOptions;
import org.rocksdb.Options;
import org.rocksdb.Range;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.SizeApproximationFlag;
import org.rocksdb.Slice;
import org.rocksdb.Snapshot;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/// One RocksDB database in one directory, written in atomic batches without a log of its own.
///
/// Any thread may call anything but [#close()], which the owner calls once. What is written is visible at once, and durable
/// after the next flush, all families at the same batch boundary: reopening after a crash shows the state after some earlier
/// batch, whole.
public final class RocksStore implements StoreReader, AutoCloseable {
    private static final long CLOSE_WAIT_MS = 30_000;

    private final Path directory;
    private final Schema schema;
    private final RocksDB database;
    private final List<ColumnFamilyHandle> handles;
    private final ColumnFamilyHandle[] familyHandles =
            new ColumnFamilyHandle[Family.values().length];
    private final int[] familyIds = new int[Family.values().length];
    private final WriteOptions writeOptions = new WriteOptions().setDisableWAL(true);
    private final ReadOptions liveOptions = new ReadOptions();
    private final Object snapshotLock = new Object();
    private int openSnapshots;

    /// Held for reading by the slow calls of other threads, for writing by [#close()].
    private final ReadWriteLock lifecycle = new ReentrantReadWriteLock();

    private boolean closed;

    /// What [#reclaim] has under way, to be cut short by closing. Guards `closing`.
    private final Set<CompactRangeOptions> reclaiming =
            Collections.newSetFromMap(new IdentityHashMap<>());

    private boolean closing;

    private RocksStore(
            Path directory, Schema schema, RocksDB database, List<ColumnFamilyHandle> handles) {
        this.directory = directory;
        this.schema = schema;
        this.database = database;
        this.handles = handles;
        for (Family family : Family.values()) {
            ColumnFamilyHandle handle = handles.get(family.slot() + 1);
            familyHandles[family.slot()] = handle;
            familyIds[family.slot()] = handle.getID();
        }
    }

    /// Opens the database in `directory`, creating both if absent.
    ///
    /// @throws StorageException if another process holds it, if it holds something else, or if it can't be read
    public static RocksStore open(Path directory, StoreOptions options) {
        return open(directory, options, false);
    }

    /// Opens a database to look at it, without taking its lock or changing a byte.
    ///
    /// @throws StorageException if there is none or it can't be read
    public static RocksStore openReadOnly(Path directory, StoreOptions options) {
        return open(directory, options, true);
    }

    private static RocksStore open(Path directory, StoreOptions options, boolean readOnly) {
        NativeLibrary.load();
        Schema schema = new Schema(options);
        List<ColumnFamilyHandle> handles = new ArrayList<>();
        try {
            if (!readOnly) {
                Files.createDirectories(directory);
            }
            requireOwnFamilies(directory);
            String path = directory.toString();
            List<ColumnFamilyDescriptor> descriptors = schema.descriptors();
            DBOptions databaseOptions = schema.database();
            RocksDB database =
                    readOnly
                            ? RocksDB.openReadOnly(databaseOptions, path, descriptors, handles)
                            : RocksDB.open(databaseOptions, path, descriptors, handles);
            return new RocksStore(directory, schema, database, handles);
        } catch (IOException | RocksDBException e) {
            schema.close();
            throw openingFailed(directory, e);
        } catch (StorageException e) {
            schema.close();
            throw e;
        }
    }

    private static StorageException openingFailed(Path directory, Exception cause) {
        String found = String.valueOf(cause.getMessage());
        if (found.contains("LOCK")) {
            return new StorageException(
                    "the store in " + directory + " is in use by another process (" + found + ")",
                    cause);
        }
        return new StorageException("cannot open the store in " + directory + ": " + found, cause);
    }

    private static void requireOwnFamilies(Path directory) throws IOException, RocksDBException {
        if (!Files.exists(directory.resolve("CURRENT"))) {
            requireNoTables(directory);
            return;
        }
        Set<String> expected = new TreeSet<>();
        expected.add(new String(RocksDB.DEFAULT_COLUMN_FAMILY, StandardCharsets.UTF_8));
        for (Family family : Family.values()) {
            expected.add(family.familyName());
        }
        Set<String> found = new TreeSet<>();
        try (Options options = new Options()) {
            for (byte[] name : RocksDB.listColumnFamilies(options, directory.toString())) {
                found.add(new String(name, StandardCharsets.UTF_8));
            }
        }
        if (!found.equals(expected)) {
            throw new StorageException(
                    "the database in "
                            + directory
                            + " is not a Lattice store: its column families are "
                            + found
                            + ", expected "
                            + expected);
        }
    }

    /// RocksDB would quietly begin an empty database beside tables whose `CURRENT` file is gone.
    private static void requireNoTables(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return;
        }
        try (Stream<Path> files = Files.list(directory)) {
            if (files.anyMatch(file -> file.toString().endsWith(".sst"))) {
                throw new StorageException(
                        "the store in "
                                + directory
                                + " is damaged: it has tables but no CURRENT file");
            }
        }
    }

    /// An empty batch for this store.
    public WriteBuffer newBuffer() {
        return new WriteBuffer(familyIds);
    }

    /// Applies a batch atomically.
    public void write(WriteBuffer buffer) {
        try (WriteBatch batch = new WriteBatch(buffer.toRepresentation())) {
            database.write(writeOptions, batch);
        } catch (RocksDBException e) {
            throw failed("write to", e);
        }
    }

    @Override
    public byte @Nullable [] get(Family family, byte[] key) {
        return get(family, liveOptions, key);
    }

    @Override
    public Cursor cursor(Family family, byte[] lower, byte[] upper) {
        return cursor(family, liveOptions, lower, upper);
    }

    /// Freezes the newest state. The caller holds the first reference.
    public StoreSnapshot snapshot() {
        synchronized (snapshotLock) {
            openSnapshots++;
        }
        Snapshot snapshot = database.getSnapshot();
        return new StoreSnapshot(this, snapshot, new ReadOptions().setSnapshot(snapshot));
    }

    void free(Snapshot snapshot, ReadOptions options) {
        options.close();
        database.releaseSnapshot(snapshot);
        snapshot.close();
        synchronized (snapshotLock) {
            openSnapshots--;
            snapshotLock.notifyAll();
        }
    }

    byte @Nullable [] get(Family family, ReadOptions options, byte[] key) {
        try {
            return database.get(familyHandles[family.slot()], options, key);
        } catch (RocksDBException e) {
            throw failed("read", e);
        }
    }

    Cursor cursor(Family family, ReadOptions base, byte[] lower, byte[] upper) {
        Slice upperBound = new Slice(upper);
        ReadOptions options = new ReadOptions(base).setIterateUpperBound(upperBound);
        Cursor cursor =
                new Cursor(
                        database.newIterator(familyHandles[family.slot()], options),
                        options,
                        upperBound);
        cursor.seek(lower);
        return cursor;
    }

    /// Makes everything written so far durable.
    public void flush() {
        lifecycle.readLock().lock();
        try (FlushOptions options = new FlushOptions().setWaitForFlush(true)) {
            requireOpen();
            database.flush(options, handles);
        } catch (RocksDBException e) {
            throw failed("flush", e);
        } finally {
            lifecycle.readLock().unlock();
        }
    }

    /// Writes a consistent copy of the store, as hard links where the file system allows, into `target`, which must not
    /// exist. Durable when this returns. Safe beside writes: the copy ends at some batch boundary.
    public void checkpoint(Path target) {
        lifecycle.readLock().lock();
        try {
            requireOpen();
            createCheckpoint(target);
        } catch (RocksDBException e) {
            throw failed("checkpoint", e);
        } finally {
            lifecycle.readLock().unlock();
        }
        try {
            syncCheckpoint(target);
        } catch (IOException e) {
            throw new StorageException(
                    "cannot sync the checkpoint " + target + ": " + e.getMessage(), e);
        }
    }

    private void createCheckpoint(Path target) throws RocksDBException {
        try (Checkpoint checkpoint = Checkpoint.create(database)) {
            checkpoint.createCheckpoint(target.toString());
        }
    }

    /// Tables were synced when they were written; the small files beside them and the directories are not.
    private static void syncCheckpoint(Path target) throws IOException {
        try (Stream<Path> files = Files.list(target)) {
            for (Path file : files.filter(f -> !f.toString().endsWith(".sst")).toList()) {
                sync(file);
            }
        }
        sync(target);
        Path parent = target.toAbsolutePath().getParent();
        if (parent != null) {
            sync(parent);
        }
    }

    private static void sync(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /// Bytes of all live tables and memtables.
    public long sizeBytes() {
        return total("rocksdb.total-sst-files-size") + total("rocksdb.cur-size-all-mem-tables");
    }

    /// Bytes of live data, as far as RocksDB can estimate it without reading.
    public long liveBytes() {
        return total("rocksdb.estimate-live-data-size") + total("rocksdb.cur-size-all-mem-tables");
    }

    /// How many keys a family has, as far as RocksDB can estimate it without reading: keys that were written over count
    /// again until they are compacted.
    public long estimatedKeys(Family family) {
        lifecycle.readLock().lock();
        try {
            requireOpen();
            return database.getLongProperty(
                    familyHandles[family.slot()], "rocksdb.estimate-num-keys");
        } catch (RocksDBException e) {
            throw failed("read the size of", e);
        } finally {
            lifecycle.readLock().unlock();
        }
    }

    /// About how many bytes the keys from `lower` to below `upper` take in all families: those of tables to a block's
    /// accuracy, those still in memory by the average size of what is there, whosever it is.
    ///
    /// @param memory whether what is still in memory counts
    public long rangeBytes(byte[] lower, byte[] upper, boolean memory) {
        long total = 0;
        lifecycle.readLock().lock();
        try (Slice from = new Slice(lower);
                Slice to = new Slice(upper)) {
            requireOpen();
            SizeApproximationFlag[] parts =
                    memory
                            ? new SizeApproximationFlag[] {
                                SizeApproximationFlag.INCLUDE_FILES,
                                SizeApproximationFlag.INCLUDE_MEMTABLES
                            }
                            : new SizeApproximationFlag[] {SizeApproximationFlag.INCLUDE_FILES};
            List<Range> range = List.of(new Range(from, to));
            for (ColumnFamilyHandle handle : familyHandles) {
                total += database.getApproximateSizes(handle, range, parts)[0];
            }
        } finally {
            lifecycle.readLock().unlock();
        }
        return total;
    }

    /// Has what was deleted between `lower` and `upper` leave the disk, now rather than when RocksDB gets to it. May take
    /// long. What a snapshot still shows stays. [#close()] cuts it short.
    public void reclaim(byte[] lower, byte[] upper) {
        lifecycle.readLock().lock();
        try (CompactRangeOptions options =
                new CompactRangeOptions().setExclusiveManualCompaction(false)) {
            try {
                for (ColumnFamilyHandle handle : familyHandles) {
                    synchronized (reclaiming) {
                        if (closing) {
                            return;
                        }
                        reclaiming.add(options);
                    }
                    database.compactRange(handle, lower, upper, options);
                }
            } finally {
                synchronized (reclaiming) {
                    reclaiming.remove(options);
                }
            }
        } catch (RocksDBException e) {
            synchronized (reclaiming) {
                if (!closing) {
                    throw failed("compact", e);
                }
            }
        } finally {
            lifecycle.readLock().unlock();
        }
    }

    private long total(String property) {
        long total = 0;
        lifecycle.readLock().lock();
        try {
            requireOpen();
            for (ColumnFamilyHandle handle : familyHandles) {
                total += database.getLongProperty(handle, property);
            }
        } catch (RocksDBException e) {
            throw failed("read the size of", e);
        } finally {
            lifecycle.readLock().unlock();
        }
        return total;
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the store in " + directory + " is closed");
        }
    }

    private StorageException failed(String action, RocksDBException cause) {
        return new StorageException(
                "cannot " + action + " the store in " + directory + ": " + cause.getMessage(),
                cause);
    }

    /// Closes the database after the last snapshot is given back and running checkpoints are through; RocksDB flushes what is only in memory.
    ///
    /// @throws StorageException if readers hold snapshots for longer than 30 s: freeing the database under them would crash
    ///     the process
    @Override
    public void close() {
        synchronized (reclaiming) {
            closing = true;
            reclaiming.forEach(options -> options.setCanceled(true));
        }
        awaitSnapshots();
        lifecycle.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                closeNative();
            }
        } finally {
            lifecycle.writeLock().unlock();
        }
    }

    private void closeNative() {
        liveOptions.close();
        writeOptions.close();
        for (ColumnFamilyHandle handle : handles) {
            handle.close();
        }
        try {
            database.closeE();
        } catch (RocksDBException e) {
            throw failed("close", e);
        } finally {
            schema.close();
        }
    }

    private void awaitSnapshots() {
        long deadline = System.nanoTime() + CLOSE_WAIT_MS * 1_000_000;
        synchronized (snapshotLock) {
            while (openSnapshots > 0) {
                long leftMs = (deadline - System.nanoTime()) / 1_000_000;
                if (leftMs <= 0) {
                    throw new StorageException(
                            "cannot close the store in "
                                    + directory
                                    + ": "
                                    + openSnapshots
                                    + " snapshots are still read");
                }
                try {
                    snapshotLock.wait(leftMs);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new StorageException(
                            "interrupted while closing the store in " + directory, e);
                }
            }
        }
    }
}
