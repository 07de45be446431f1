package io.lattice.statemachine.watch;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.statemachine.mvcc.KeyRange;
import io.lattice.statemachine.storage.KeyCodec;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The index against a list that is searched from end to end.
class RangeIndexTest {
    private static final int KEYSPACE = 1;

    private record Entry(KeyRange range, Integer value) {}

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void findsWhatASearchOfAllFinds(long seed) {
        Random random = new Random(seed);
        RangeIndex<Integer> index = new RangeIndex<>();
        List<Entry> model = new ArrayList<>();

        for (int step = 0; step < 3_000; step++) {
            boolean grows = random.nextInt(10) < (step < 2_000 ? 6 : 3);
            if (grows || model.isEmpty()) {
                Entry added = new Entry(randomRange(random), 1_000 + step);
                model.add(added);
                index.add(added.range(), added.value());
            } else {
                Entry removed = model.remove(random.nextInt(model.size()));
                index.remove(removed.range(), removed.value());
            }
            byte[] key = KeyCodec.current(KEYSPACE, randomKey(random));
            List<Integer> found = new ArrayList<>();
            index.match(key, found::add);

            assertThat(found)
                    .as("seed %d step %d", seed, step)
                    .containsExactlyInAnyOrderElementsOf(
                            model.stream()
                                    .filter(entry -> entry.range().contains(key))
                                    .map(Entry::value)
                                    .toList());
        }
        for (Entry left : model) {
            index.remove(left.range(), left.value());
        }
        assertThat(index.isEmpty()).isTrue();
    }

    @Test
    void removingWhatIsNotThereChangesNothing() {
        RangeIndex<String> index = new RangeIndex<>();
        KeyRange range = KeyRange.of(KEYSPACE, bytes("a"), bytes("c"));
        index.add(range, "one");

        index.remove(range, "another");
        index.remove(KeyRange.of(KEYSPACE, bytes("a"), bytes("d")), "one");
        index.remove(KeyRange.of(KEYSPACE, bytes("a"), ByteString.EMPTY), "one");

        List<String> found = new ArrayList<>();
        index.match(KeyCodec.current(KEYSPACE, bytes("b")), found::add);
        assertThat(found).containsExactly("one");
    }

    private static KeyRange randomRange(Random random) {
        while (true) {
            ByteString end =
                    switch (random.nextInt(4)) {
                        case 0 -> ByteString.EMPTY;
                        case 1 -> ByteString.copyFrom(new byte[] {0});
                        default -> randomKey(random);
                    };
            KeyRange range = KeyRange.of(KEYSPACE, randomKey(random), end);
            if (!range.isEmpty()) {
                return range;
            }
        }
    }

    private static ByteString randomKey(Random random) {
        byte[] key = new byte[1 + random.nextInt(3)];
        for (int i = 0; i < key.length; i++) {
            key[i] = (byte) (random.nextInt(5) * 63);
        }
        return ByteString.copyFrom(key);
    }

    private static ByteString bytes(String text) {
        return ByteString.copyFromUtf8(text);
    }
}
