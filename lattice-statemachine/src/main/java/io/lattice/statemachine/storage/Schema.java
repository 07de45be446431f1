package io.lattice.statemachine.storage;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompressionType;
import org.rocksdb.DBOptions;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;
import org.rocksdb.RocksDB;

/// How the column families are laid out in RocksDB, and the native objects that must live as long as the database.
final class Schema implements AutoCloseable {
    private static final int BLOOM_BITS_PER_KEY = 10;
    private static final int BLOCK_BYTES = 8 << 10;
    private static final long TARGET_FILE_BYTES = 64L << 20;
    private static final double MEMTABLE_BLOOM_SHARE = 0.05;
    private static final long MAX_LOG_BYTES = 8L << 20;
    private static final int KEPT_LOGS = 4;
    private static final String NEVER_SECONDS = "4294967295";

    private final Cache cache;
    private final BloomFilter bloom = new BloomFilter(BLOOM_BITS_PER_KEY);
    private final DBOptions database;
    private final List<ColumnFamilyOptions> families = new ArrayList<>();
    private final List<ColumnFamilyDescriptor> descriptors = new ArrayList<>();

    Schema(StoreOptions options) {
        cache = new LRUCache(options.blockCacheBytes());
        database =
                new DBOptions()
                        .setCreateIfMissing(true)
                        .setCreateMissingColumnFamilies(true)
                        // The Raft log is the write-ahead log; without one of its own RocksDB must
                        // flush all families
                        // at one point in time, or a restart would see half of an entry.
                        .setAtomicFlush(true)
                        .setMaxBackgroundJobs(options.backgroundThreads())
                        .setMaxOpenFiles(options.maxOpenFiles())
                        .setDbWriteBufferSize(options.memtableBytes())
                        // One apply thread writes: the plain memtable insert is cheaper than the
                        // concurrent one, and
                        // finds the place of ascending event keys at once.
                        .setAllowConcurrentMemtableWrite(false)
                        .setEnableWriteThreadAdaptiveYield(false)
                        .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
                        .setMaxLogFileSize(MAX_LOG_BYTES)
                        .setKeepLogFileNum(KEPT_LOGS)
                        .setStatsDumpPeriodSec(0)
                        .setStatsPersistPeriodSec(0);
        add(new String(RocksDB.DEFAULT_COLUMN_FAMILY, StandardCharsets.UTF_8), options);
        for (Family family : Family.values()) {
            add(family.familyName(), options);
        }
    }

    DBOptions database() {
        return database;
    }

    /// RocksDB's `default` family first, then [Family] in its order.
    List<ColumnFamilyDescriptor> descriptors() {
        return descriptors;
    }

    @Override
    public void close() {
        for (ColumnFamilyOptions family : families) {
            family.close();
        }
        database.close();
        bloom.close();
        cache.close();
    }

    /// By default RocksDB writes tables anew that reached the last level without a merge, only to save the sequence numbers in
    /// them. Tables of events always get there so: they would all be written twice. RocksDB's API for Java has no setter.
    private static ColumnFamilyOptions unrewritten() {
        Properties properties = new Properties();
        properties.setProperty("bottommost_file_compaction_delay", NEVER_SECONDS);
        ColumnFamilyOptions options =
                ColumnFamilyOptions.getColumnFamilyOptionsFromProps(properties);
        if (options == null) {
            throw new StorageException("RocksDB doesn't know the options " + properties);
        }
        return options;
    }

    private void add(String name, StoreOptions options) {
        BlockBasedTableConfig table =
                new BlockBasedTableConfig()
                        .setBlockCache(cache)
                        .setBlockSize(BLOCK_BYTES)
                        .setFilterPolicy(bloom)
                        .setCacheIndexAndFilterBlocks(true)
                        .setCacheIndexAndFilterBlocksWithHighPriority(true)
                        .setPinL0FilterAndIndexBlocksInCache(true);
        ColumnFamilyOptions family =
                unrewritten()
                        .setTableFormatConfig(table)
                        .setWriteBufferSize(options.memtableBytes())
                        .setTargetFileSizeBase(TARGET_FILE_BYTES)
                        .setLevelCompactionDynamicLevelBytes(true)
                        .setCompressionType(CompressionType.LZ4_COMPRESSION)
                        .setMemtablePrefixBloomSizeRatio(MEMTABLE_BLOOM_SHARE)
                        .setMemtableWholeKeyFiltering(true);
        families.add(family);
        descriptors.add(new ColumnFamilyDescriptor(name.getBytes(StandardCharsets.UTF_8), family));
    }
}
