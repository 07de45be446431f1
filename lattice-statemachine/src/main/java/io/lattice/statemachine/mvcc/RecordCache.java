package io.lattice.statemachine.mvcc;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/// Live records of keys that were read lately, so that reading one again costs no search in RocksDB.
///
/// What it answers is exactly what the store holds at the reader's view. Log entries are numbered: an entry's writes reach the
/// cache before any view shows them, so a cached record is at least as new as every view, and one that is newer than the view
/// at hand, because its entry is just being applied, is not answered. Readers bring in what they had to look up, the applying
/// thread only replaces what is there. A reader that is late must not bring in what an entry has replaced meanwhile; the
/// applying thread therefore announces an entry before it touches any key ([#begin]), and both sides look at a key under the
/// key's lock.
///
/// Bounded in bytes; when it is full, something is dropped that the hand points at. Any thread, but [#begin] and [#replace]
/// only the applying one.
public final class RecordCache {
    /// Larger records are read from the store: it is the search that costs, and they would push many others out.
    private static final int RECORD_BYTES_MAX = 16 << 10;

    /// Of an entry and its arrays, beside what is in them.
    private static final int OVERHEAD_BYTES = 80;

    private static final int SLOT_BYTES_EXPECTED = 256;
    private static final int LOCKS = 64;

    private final AtomicReferenceArray<@Nullable Entry> slots;
    private final int mask;
    private final long bytesMax;
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicInteger hand = new AtomicInteger();
    private final AtomicInteger turns = new AtomicInteger();
    private final Object[] locks = new Object[LOCKS];

    /// The newest log entry whose writes may have reached the cache.
    private volatile long applying = -1;

    private static final class Entry {
        private final byte[] key;
        private final byte[] record;

        /// Of the last log entry that the record is known to include.
        private final long index;

        Entry(byte[] key, byte[] record, long index) {
            this.key = key;
            this.record = record;
            this.index = index;
        }

        private int bytes() {
            return key.length + record.length + OVERHEAD_BYTES;
        }
    }

    /// @param bytesMax heap that the records may take; 0 for no cache
    public RecordCache(long bytesMax) {
        this.bytesMax = bytesMax;
        int wanted = Math.clamp(bytesMax / SLOT_BYTES_EXPECTED, 2, 1 << 24);
        int count = Integer.highestOneBit(wanted);
        this.slots = new AtomicReferenceArray<>(count);
        this.mask = count - 1;
        Arrays.setAll(locks, _ -> new Object());
    }

    /// The key's live record as of a log entry, or null if the cache can't tell.
    byte @Nullable [] find(byte[] key, long index) {
        int hash = hash(key);
        Entry found = slots.get(firstSlot(hash));
        if (found == null || !Arrays.equals(found.key, key)) {
            found = slots.get(secondSlot(hash));
            if (found == null || !Arrays.equals(found.key, key)) {
                return null;
            }
        }
        return found.index <= index ? found.record : null;
    }

    /// Keeps the live record that a reader found in the store as of a log entry, unless a later one may have changed it.
    void offer(byte[] key, byte[] record, long index) {
        if (record.length > RECORD_BYTES_MAX || bytesMax == 0) {
            return;
        }
        int hash = hash(key);
        synchronized (lock(hash)) {
            if (applying > index || slotOf(key, hash) >= 0) {
                return;
            }
            set(slotToFill(hash), new Entry(key, record, index));
        }
        while (bytes.get() > bytesMax) {
            // Under no lock: what is dropped is looked up in the store again.
            set(hand.getAndIncrement() & mask, null);
        }
    }

    /// An empty one of the key's two slots, or now the one, now the other. Whoever has to give way finds its other slot empty
    /// sooner or later; if it were always the first that is taken, two keys would drive each other out for ever.
    private int slotToFill(int hash) {
        int first = firstSlot(hash);
        int second = secondSlot(hash);
        if (slots.get(first) == null) {
            return first;
        }
        if (slots.get(second) == null) {
            return second;
        }
        // Half of the turns, in an order that no load keeps step with.
        return turns.getAndIncrement() * 0x9E3779B9 < 0 ? first : second;
    }

    /// Announces the log entry that is applied next.
    public void begin(long index) {
        applying = index;
    }

    /// Notes what the announced entry made of a key.
    ///
    /// @param record null if the key was deleted
    void replace(byte[] key, byte @Nullable [] record, long index) {
        int hash = hash(key);
        synchronized (lock(hash)) {
            int slot = slotOf(key, hash);
            if (slot >= 0) {
                set(
                        slot,
                        record == null || record.length > RECORD_BYTES_MAX
                                ? null
                                : new Entry(key, record, index));
            }
        }
    }

    /// Bytes of heap that the records take.
    long bytes() {
        return bytes.get();
    }

    /// The slot that holds the key, or -1. Caller holds the key's lock, or another key's record may come between.
    private int slotOf(byte[] key, int hash) {
        int first = firstSlot(hash);
        if (holds(first, key)) {
            return first;
        }
        int second = secondSlot(hash);
        return holds(second, key) ? second : -1;
    }

    private boolean holds(int slot, byte[] key) {
        Entry entry = slots.get(slot);
        return entry != null && Arrays.equals(entry.key, key);
    }

    private void set(int slot, @Nullable Entry entry) {
        Entry old = slots.getAndSet(slot, entry);
        bytes.addAndGet((entry == null ? 0 : entry.bytes()) - (old == null ? 0 : old.bytes()));
    }

    private Object lock(int hash) {
        return locks[hash & (LOCKS - 1)];
    }

    private int firstSlot(int hash) {
        return hash & mask;
    }

    private int secondSlot(int hash) {
        return ((hash * 0x9E3779B9) >>> 7) & mask;
    }

    private static int hash(byte[] key) {
        int hash = Arrays.hashCode(key) * 0x85EBCA6B;
        return hash ^ (hash >>> 15);
    }
}
