package io.lattice.statemachine.apply;

import com.google.protobuf.ByteString;
import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;

/// A set of keys given as intervals [begin, end), kept disjoint so that a lookup is one step whatever was added.
final class KeyIntervals {
    private static final Comparator<ByteString> ORDER =
            ByteString.unsignedLexicographicalComparator();
    private static final ByteString ZERO = ByteString.copyFrom(new byte[] {0});

    private final TreeMap<ByteString, ByteString> endByBegin = new TreeMap<>(ORDER);

    /// Adds one key.
    void add(ByteString key) {
        add(key, key.concat(ZERO));
    }

    /// Adds an interval; an empty or inverted one adds nothing.
    void add(ByteString begin, ByteString end) {
        if (ORDER.compare(begin, end) >= 0) {
            return;
        }
        ByteString from = begin;
        ByteString to = end;
        Map.Entry<ByteString, ByteString> touching = endByBegin.floorEntry(to);
        while (touching != null && ORDER.compare(touching.getValue(), from) >= 0) {
            from = min(from, touching.getKey());
            to = max(to, touching.getValue());
            endByBegin.remove(touching.getKey());
            touching = endByBegin.floorEntry(to);
        }
        endByBegin.put(from, to);
    }

    /// Adds all intervals of another set.
    void addAll(KeyIntervals other) {
        other.endByBegin.forEach(this::add);
    }

    boolean contains(ByteString key) {
        Map.Entry<ByteString, ByteString> candidate = endByBegin.floorEntry(key);
        return candidate != null && ORDER.compare(key, candidate.getValue()) < 0;
    }

    private static ByteString min(ByteString a, ByteString b) {
        return ORDER.compare(a, b) <= 0 ? a : b;
    }

    private static ByteString max(ByteString a, ByteString b) {
        return ORDER.compare(a, b) >= 0 ? a : b;
    }
}
