package io.lattice.statemachine.mvcc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.RocksStore;
import io.lattice.statemachine.storage.StoreOptions;
import io.lattice.statemachine.storage.WriteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AscendingLookupsTest {
    @TempDir Path root;

    /// Keys that are asked for lie beside each other, a few apart and far apart, and some aren't there.
    @Test
    void findsWhatALookupFinds() {
        Random random = new Random(5);
        try (RocksStore store = RocksStore.open(root, StoreOptions.defaults())) {
            WriteBuffer batch = store.newBuffer();
            for (int i = 0; i < 2_000; i++) {
                if (random.nextInt(3) > 0) {
                    batch.put(Family.CURRENT, key(i), key(i));
                }
            }
            store.write(batch);
            for (int round = 0; round < 50; round++) {
                TreeSet<Integer> chosen = new TreeSet<>();
                int gapMax = 1 + random.nextInt(round + 1);
                for (int i = random.nextInt(100);
                        i < 2_100;
                        i += 1 + random.nextInt(random.nextInt(10) == 0 ? 200 : gapMax)) {
                    chosen.add(i);
                }
                List<byte[]> keys = chosen.stream().map(AscendingLookupsTest::key).toList();
                try (AscendingLookups lookups =
                        new AscendingLookups(store, keys.getFirst(), keys.getLast())) {
                    for (byte[] key : keys) {
                        assertThat(lookups.latest(key)).isEqualTo(StoredKeys.latest(store, key));
                    }
                }
            }
        }
    }

    private static byte[] key(int number) {
        return KeyCodec.current(1, ByteString.copyFromUtf8("key-%05d".formatted(number)));
    }
}
