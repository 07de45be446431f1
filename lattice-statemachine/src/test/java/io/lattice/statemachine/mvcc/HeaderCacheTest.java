package io.lattice.statemachine.mvcc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.statemachine.storage.KeyCodec;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class HeaderCacheTest {
    @Test
    void knowsTheTruthOrNothing() {
        HeaderCache cache = new HeaderCache(64);
        Random random = new Random(3);
        Map<ByteString, byte[]> truth = new HashMap<>();
        int known = 0;
        for (int i = 0; i < 100_000; i++) {
            byte[] key = KeyCodec.current(1, ByteString.copyFromUtf8("k" + random.nextInt(100)));
            ByteString name = ByteString.copyFrom(key);
            byte[] found = cache.find(key);
            if (found != null) {
                known++;
                assertThat(found).isEqualTo(truth.get(name));
            }
            if (random.nextInt(4) == 0) {
                cache.note(key, null);
                truth.put(name, HeaderCache.ABSENT);
            } else {
                byte[] record =
                        RecordCodec.encode(
                                i, new Revision(i, 0), i, 0, ByteString.copyFromUtf8("value"));
                cache.note(key, record);
                truth.put(name, Arrays.copyOf(record, RecordCodec.HEADER_BYTES));
            }
        }
        assertThat(known).isGreaterThan(10_000);
    }

    /// At the load that a hundred thousand keys are in the default size.
    @Test
    void keysThatFitStayInIt() {
        HeaderCache cache = new HeaderCache(4_096);
        int keys = 1_600;
        int unknown = 0;
        for (int round = 0; round < 3; round++) {
            unknown = 0;
            for (int i = 0; i < keys; i++) {
                byte[] key = KeyCodec.current(1, ByteString.copyFromUtf8("key" + i));
                if (cache.find(key) == null) {
                    unknown++;
                }
                cache.note(key, null);
            }
        }
        assertThat(unknown).isLessThan(keys / 100);
    }

    @Test
    void longKeysAreLeftOut() {
        HeaderCache cache = new HeaderCache(64);
        byte[] key = new byte[91];

        cache.note(key, null);

        assertThat(cache.find(key)).isNull();
    }
}
