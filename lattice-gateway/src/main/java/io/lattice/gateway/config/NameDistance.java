package io.lattice.gateway.config;

import java.util.stream.IntStream;

/// How far a mistyped name is from an existing one.
final class NameDistance {
    private NameDistance() {}

    /// The Levenshtein distance: how many characters must be inserted, deleted or replaced.
    static int between(String a, String b) {
        int[] previous = IntStream.rangeClosed(0, b.length()).toArray();
        for (int i = 1; i <= a.length(); i++) {
            int[] current = new int[b.length() + 1];
            current[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = previous[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                current[j] = Math.min(replaced, Math.min(previous[j], current[j - 1]) + 1);
            }
            previous = current;
        }
        return previous[b.length()];
    }
}
