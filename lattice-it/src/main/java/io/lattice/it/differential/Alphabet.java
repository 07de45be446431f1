package io.lattice.it.differential;

import com.google.protobuf.ByteString;
import java.util.List;
import java.util.Random;

/// The small set of keys and values that random requests use, so that they meet each other often.
public final class Alphabet {
    private static final ByteString ZERO = bytes(0);
    private static final List<ByteString> KEYS =
            List.of(
                    ZERO,
                    bytes(0, 0),
                    text("a"),
                    bytes('a', 0),
                    text("a/1"),
                    text("a/10"),
                    text("a/2"),
                    bytes('a', 0xff),
                    text("ab"),
                    text("abc"),
                    text("b"),
                    text("b/1"),
                    text("c"),
                    text("d"),
                    bytes(0xff),
                    bytes(0xff, 0xff),
                    bytes(0xc3, 0x28));
    private static final int MANY = 40;

    private Alphabet() {}

    /// A key that a write may use.
    static ByteString key(Random random) {
        return random.nextInt(12) == 0
                ? many(random.nextInt(MANY))
                : KEYS.get(random.nextInt(KEYS.size()));
    }

    /// The key number `index` of a family that is larger than a stream's first chunk.
    static ByteString many(int index) {
        return text("m/%03d".formatted(index));
    }

    /// As [#key(Random)], now and then empty.
    static ByteString keyOrEmpty(Random random) {
        return random.nextInt(40) == 0 ? ByteString.EMPTY : key(random);
    }

    /// An end that goes with `key` in one of the ways that clients use, or in none.
    static ByteString rangeEnd(Random random, ByteString key) {
        return switch (random.nextInt(10)) {
            case 0, 1, 2 -> ByteString.EMPTY;
            case 3 -> ZERO;
            case 4, 5, 6 -> prefixEnd(key);
            case 7 -> key.concat(ZERO);
            case 8 -> key;
            default -> key(random);
        };
    }

    /// The first key after all that start with `prefix`; "\0" if there is none.
    public static ByteString prefixEnd(ByteString prefix) {
        byte[] end = prefix.toByteArray();
        for (int i = end.length - 1; i >= 0; i--) {
            if (end[i] != (byte) 0xff) {
                end[i]++;
                return ByteString.copyFrom(end, 0, i + 1);
            }
        }
        return ZERO;
    }

    /// Mostly short; seldom large enough that a stream needs several chunks.
    static ByteString value(Random random) {
        int kind = random.nextInt(400);
        if (kind == 0) {
            return ByteString.copyFrom(new byte[200_000 + random.nextInt(200_000)]);
        }
        if (kind < 8) {
            return ByteString.copyFrom(new byte[random.nextInt(4_000)]);
        }
        return random.nextInt(6) == 0 ? ByteString.EMPTY : text("v" + random.nextInt(6));
    }

    static ByteString text(String text) {
        return ByteString.copyFromUtf8(text);
    }

    private static ByteString bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return ByteString.copyFrom(bytes);
    }
}
