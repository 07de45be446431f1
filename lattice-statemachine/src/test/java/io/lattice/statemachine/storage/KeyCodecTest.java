package io.lattice.statemachine.storage;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class KeyCodecTest {
    private static final int ROUNDS = 20_000;

    private final Random random = new Random(42);

    @Test
    void versionsSortByUserKeyAndThenNewestFirst() {
        for (int i = 0; i < ROUNDS; i++) {
            byte[] left = KeyCodec.current(1, randomKey());
            byte[] right = KeyCodec.current(1, randomKey());
            long leftMain = random.nextInt(5);
            long rightMain = random.nextInt(5);
            int leftSub = random.nextInt(3);
            int rightSub = random.nextInt(3);

            int order =
                    Arrays.compareUnsigned(
                            KeyCodec.version(left, leftMain, leftSub),
                            KeyCodec.version(right, rightMain, rightSub));

            int byKey = Arrays.compareUnsigned(left, right);
            int byMain = Long.compare(rightMain, leftMain);
            int bySub = Integer.compare(rightSub, leftSub);
            int expected = byKey != 0 ? byKey : byMain != 0 ? byMain : bySub;
            assertThat(Integer.signum(order)).isEqualTo(Integer.signum(expected));
        }
    }

    @Test
    void versionKeysCanBeTakenApart() {
        for (int i = 0; i < ROUNDS; i++) {
            byte[] current = KeyCodec.current(7, randomKey());
            long main = random.nextLong(Long.MAX_VALUE);
            int sub = random.nextInt(Integer.MAX_VALUE);

            byte[] version = KeyCodec.version(current, main, sub);

            assertThat(KeyCodec.currentOfVersion(version)).isEqualTo(current);
            assertThat(KeyCodec.mainOfVersion(version)).isEqualTo(main);
            assertThat(KeyCodec.subOfVersion(version)).isEqualTo(sub);
            assertThat(Arrays.compareUnsigned(version, KeyCodec.behindVersions(current)))
                    .isNegative();
        }
    }

    @Test
    void versionsOfAKeyEndBeforeThoseOfTheNext() {
        byte[] key = KeyCodec.current(1, ByteString.copyFrom(new byte[] {'a'}));
        byte[] next = KeyCodec.current(1, ByteString.copyFrom(new byte[] {'a', 0}));

        assertThat(
                        Arrays.compareUnsigned(
                                KeyCodec.behindVersions(key),
                                KeyCodec.version(next, Long.MAX_VALUE, Integer.MAX_VALUE)))
                .isNegative();
    }

    @Test
    void layoutIsAsDocumented() {
        byte[] key = KeyCodec.current(1, ByteString.copyFrom(new byte[] {0x61, 0}));

        assertThat(KeyCodec.version(key, 5, 2))
                .asHexString()
                .isEqualTo("00000001" + "6100FF" + "0000" + "FFFFFFFFFFFFFFFA" + "FFFFFFFD");
        assertThat(KeyCodec.event(1, 5, 2))
                .asHexString()
                .isEqualTo("00000001" + "0000000000000005" + "00000002");
    }

    private ByteString randomKey() {
        byte[] key = new byte[1 + random.nextInt(4)];
        for (int i = 0; i < key.length; i++) {
            key[i] = (byte) (random.nextInt(4) - 2);
        }
        return ByteString.copyFrom(key);
    }
}
