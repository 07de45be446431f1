package io.lattice.statemachine.mvcc;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import org.junit.jupiter.api.Test;

class RecordCacheTest {
    private final RecordCache cache = new RecordCache(1 << 20);

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void answersWhatAReaderBroughtIn() {
        cache.offer(bytes("k"), bytes("v"), 5);

        assertThat(cache.find(bytes("k"), 5)).isEqualTo(bytes("v"));
        assertThat(cache.find(bytes("k"), 9)).isEqualTo(bytes("v"));
        assertThat(cache.find(bytes("other"), 9)).isNull();
    }

    @Test
    void aViewFromBeforeTheRecordGetsNoAnswer() {
        cache.offer(bytes("k"), bytes("old"), 5);
        cache.begin(6);
        cache.replace(bytes("k"), bytes("new"), 6);

        assertThat(cache.find(bytes("k"), 5)).isNull();
        assertThat(cache.find(bytes("k"), 6)).isEqualTo(bytes("new"));
    }

    @Test
    void aDeletedKeyIsForgotten() {
        cache.offer(bytes("k"), bytes("v"), 5);
        cache.begin(6);
        cache.replace(bytes("k"), null, 6);

        assertThat(cache.find(bytes("k"), 6)).isNull();
    }

    @Test
    void aLateReaderDoesNotBringInWhatAnEntryMayHaveReplaced() {
        cache.begin(6);

        cache.offer(bytes("k"), bytes("stale"), 5);

        assertThat(cache.find(bytes("k"), 6)).isNull();
    }

    @Test
    void staysWithinItsBytes() {
        Random random = new Random(1);
        for (int i = 0; i < 50_000; i++) {
            cache.offer(bytes("key" + i), new byte[random.nextInt(2_000)], i);
            assertThat(cache.bytes()).isLessThanOrEqualTo(1 << 20);
        }
        assertThat(cache.bytes()).as("and makes use of them").isGreaterThan(1 << 19);
    }

    /// 1,600 keys in 4,096 slots: each has two, and one that gave way to another is brought in again when it is read. Three in a
    /// hundred would go on driving others out if it were always the first slot that is taken.
    @Test
    void keysThatFitFindTheirPlaces() {
        int keys = 1_600;
        int missing = keys;
        for (int round = 0; round < 20; round++) {
            missing = 0;
            for (int i = 0; i < keys; i++) {
                if (cache.find(bytes("key" + i), 9) == null) {
                    missing++;
                    cache.offer(bytes("key" + i), bytes("v"), 9);
                }
            }
        }
        assertThat(missing).isLessThan(keys / 100);
    }

    @Test
    void aLargeRecordIsNotKept() {
        cache.offer(bytes("k"), new byte[100_000], 5);
        assertThat(cache.find(bytes("k"), 5)).isNull();

        cache.offer(bytes("k"), bytes("v"), 5);
        cache.begin(6);
        cache.replace(bytes("k"), new byte[100_000], 6);
        assertThat(cache.find(bytes("k"), 6)).isNull();
        assertThat(cache.bytes()).isZero();
    }

    @Test
    void aCacheOfNoBytesKeepsNothing() {
        RecordCache none = new RecordCache(0);
        none.offer(bytes("k"), bytes("v"), 5);
        assertThat(none.find(bytes("k"), 5)).isNull();
    }

    /// One thread applies entries, each of which sets some keys to its own number; others read at the newest published entry
    /// and check that a cached record is exactly the one of that entry.
    @Test
    void readersBesideTheApplyingThreadNeverSeeAnotherEntrysRecord() throws InterruptedException {
        int keys = 8;
        int entries = 200_000;
        RecordCache small = new RecordCache(700);
        AtomicLongArray published = new AtomicLongArray(1);
        ConcurrentLinkedQueue<String> wrong = new ConcurrentLinkedQueue<>();
        AtomicInteger hits = new AtomicInteger();
        Thread[] readers = new Thread[2];
        for (int r = 0; r < readers.length; r++) {
            Random random = new Random(r);
            readers[r] =
                    Thread.ofPlatform()
                            .start(() -> {
                                while (published.get(0) < entries && wrong.isEmpty()) {
                                    int k = random.nextInt(keys);
                                    byte[] key = bytes("key" + k);
                                    long index = published.get(0);
                                    byte[] found = small.find(key, index);
                                    if (found != null) {
                                        hits.incrementAndGet();
                                        long value = ByteBuffer.wrap(found).getLong();
                                        if (value != valueAt(k, index, keys)) {
                                            wrong.add(
                                                    "key " + k + " at " + index + " read " + value);
                                        }
                                    } else {
                                        byte[] record =
                                                ByteBuffer.allocate(8)
                                                        .putLong(valueAt(k, index, keys))
                                                        .array();
                                        small.offer(key, record, index);
                                    }
                                }
                            });
        }
        for (long index = 1; index <= entries; index++) {
            small.begin(index);
            int k = (int) (index % keys);
            small.replace(bytes("key" + k), ByteBuffer.allocate(8).putLong(index).array(), index);
            published.set(0, index);
        }
        for (Thread reader : readers) {
            reader.join();
        }
        assertThat(wrong).isEmpty();
        assertThat(hits).hasPositiveValue();
    }

    /// Entry i sets key i mod `keys` to i.
    private static long valueAt(int key, long index, int keys) {
        long back = Math.floorMod(index - key, keys);
        return Math.max(index - back, 0);
    }
}
