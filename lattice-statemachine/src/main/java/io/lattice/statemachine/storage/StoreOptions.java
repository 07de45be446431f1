package io.lattice.statemachine.storage;

/// Memory and threads of one store. They change speed and footprint only, never what is stored.
///
/// @param blockCacheBytes cache of uncompressed table blocks, indexes and filters, shared by all column families
/// @param memtableBytes writes held in memory over all column families before they are flushed; also bounds how much of
///     the Raft log a restart replays
/// @param recordCacheBytes heap for live records that were read lately; 0 for none
/// @param headerCacheEntries keys whose newest header is kept for the next put, a power of two, at least 8; 128 bytes each
/// @param backgroundThreads threads for flushes and compactions, at least 2
/// @param maxOpenFiles table files kept open
public record StoreOptions(
        long blockCacheBytes,
        long memtableBytes,
        long recordCacheBytes,
        int headerCacheEntries,
        int backgroundThreads,
        int maxOpenFiles) {
    private static final long MIB = 1L << 20;

    /// Refuses sizes with which RocksDB would stall or thrash.
    public StoreOptions {
        requireAtLeast("blockCacheBytes", blockCacheBytes, MIB);
        requireAtLeast("memtableBytes", memtableBytes, MIB);
        requireAtLeast("recordCacheBytes", recordCacheBytes, 0);
        requireAtLeast("headerCacheEntries", headerCacheEntries, 8);
        requireAtLeast("backgroundThreads", backgroundThreads, 2);
        requireAtLeast("maxOpenFiles", maxOpenFiles, 64);
    }

    /// For one Raft group on a small machine: 256 MiB cache, 128 MiB memtables, an eighth of the heap but at most 64 MiB for
    /// records, 262,144 headers (32 MiB), 2 threads, 1,024 files.
    public static StoreOptions defaults() {
        long records = Math.min(64 * MIB, Runtime.getRuntime().maxMemory() / 8);
        return new StoreOptions(256 * MIB, 128 * MIB, records, 1 << 18, 2, 1024);
    }

    /// For one of several Raft groups in a process: its part of what [#defaults] gives one, but at least 8 MiB cache, 8 MiB
    /// memtables, 1 MiB for records, 4,096 headers and 128 files.
    ///
    /// @param groups how many there are, it included
    public static StoreOptions shared(int groups) {
        StoreOptions all = defaults();
        return new StoreOptions(
                Math.max(8 * MIB, all.blockCacheBytes / groups),
                Math.max(8 * MIB, all.memtableBytes / groups),
                Math.max(MIB, all.recordCacheBytes / groups),
                Math.max(1 << 12, Integer.highestOneBit(all.headerCacheEntries / groups)),
                all.backgroundThreads,
                Math.max(128, all.maxOpenFiles / groups));
    }

    private static void requireAtLeast(String name, long found, long least) {
        if (found < least) {
            throw new IllegalArgumentException(
                    name + " is " + found + ", must be at least " + least);
        }
    }
}
