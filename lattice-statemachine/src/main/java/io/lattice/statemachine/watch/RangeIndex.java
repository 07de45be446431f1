package io.lattice.statemachine.watch;

import io.lattice.statemachine.mvcc.KeyRange;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Finds by a key whoever is interested in it. Single keys are in a hash map, ranges in an interval tree: a treap ordered by
/// range in which each node knows the highest end below it, so that a search leaves out all that ends before the key. Equal
/// ranges share a node. Not thread-safe.
///
/// @param <V> who is interested
final class RangeIndex<V> {
    private final Map<Key, List<V>> singles = new HashMap<>();
    private @Nullable Node<V> root;

    /// State of a xorshift generator. The priorities need only be spread, not unpredictable.
    private long seed = 0x9E3779B97F4A7C15L;

    void add(KeyRange range, V value) {
        if (range.isSingle()) {
            singles.computeIfAbsent(new Key(range.lower()), k -> new ArrayList<>(1)).add(value);
            return;
        }
        Node<V> found = find(range);
        if (found == null) {
            found = new Node<>(range.lower(), range.upper(), nextPriority());
            root = insert(root, found);
        }
        found.values.add(value);
    }

    /// Removes what was added under an equal range; nothing happens if it isn't there.
    void remove(KeyRange range, V value) {
        if (range.isSingle()) {
            Key key = new Key(range.lower());
            List<V> values = singles.get(key);
            if (values != null && removeFrom(values, value) && values.isEmpty()) {
                singles.remove(key);
            }
            return;
        }
        Node<V> found = find(range);
        if (found != null && removeFrom(found.values, value) && found.values.isEmpty()) {
            root = delete(root, found);
        }
    }

    /// Order doesn't matter, so the last one takes the free place.
    private static <V> boolean removeFrom(List<V> values, V value) {
        int place = values.indexOf(value);
        if (place < 0) {
            return false;
        }
        V last = values.removeLast();
        if (place < values.size()) {
            values.set(place, last);
        }
        return true;
    }

    /// Passes on everybody whose range holds the `current` key, each once.
    void match(byte[] key, Consumer<? super V> sink) {
        if (!singles.isEmpty()) {
            List<V> values = singles.get(new Key(key));
            if (values != null) {
                values.forEach(sink);
            }
        }
        stab(root, key, sink);
    }

    boolean isEmpty() {
        return singles.isEmpty() && root == null;
    }

    private static <V> void stab(@Nullable Node<V> from, byte[] key, Consumer<? super V> sink) {
        Node<V> node = from;
        while (node != null && Arrays.compareUnsigned(key, node.highest) < 0) {
            stab(node.left, key, sink);
            if (Arrays.compareUnsigned(node.lower, key) > 0) {
                return;
            }
            if (Arrays.compareUnsigned(key, node.upper) < 0) {
                node.values.forEach(sink);
            }
            node = node.right;
        }
    }

    private @Nullable Node<V> find(KeyRange range) {
        Node<V> node = root;
        while (node != null) {
            int order = order(range.lower(), range.upper(), node);
            if (order == 0) {
                return node;
            }
            node = order < 0 ? node.left : node.right;
        }
        return null;
    }

    private static int order(byte[] lower, byte[] upper, Node<?> node) {
        int byLower = Arrays.compareUnsigned(lower, node.lower);
        return byLower != 0 ? byLower : Arrays.compareUnsigned(upper, node.upper);
    }

    private long nextPriority() {
        seed ^= seed << 13;
        seed ^= seed >>> 7;
        seed ^= seed << 17;
        return seed;
    }

    private static <V> Node<V> insert(@Nullable Node<V> tree, Node<V> added) {
        if (tree == null) {
            added.refresh();
            return added;
        }
        if (added.priority > tree.priority) {
            added.left = below(tree, added);
            added.right = above(tree, added);
            added.refresh();
            return added;
        }
        if (order(added.lower, added.upper, tree) < 0) {
            tree.left = insert(tree.left, added);
        } else {
            tree.right = insert(tree.right, added);
        }
        tree.refresh();
        return tree;
    }

    /// The part of a tree that sorts before a node.
    private static <V> @Nullable Node<V> below(@Nullable Node<V> tree, Node<V> pivot) {
        if (tree == null) {
            return null;
        }
        if (order(pivot.lower, pivot.upper, tree) < 0) {
            return below(tree.left, pivot);
        }
        Node<V> kept = new Node<>(tree);
        kept.right = below(tree.right, pivot);
        kept.refresh();
        return kept;
    }

    /// The part of a tree that sorts behind a node.
    private static <V> @Nullable Node<V> above(@Nullable Node<V> tree, Node<V> pivot) {
        if (tree == null) {
            return null;
        }
        if (order(pivot.lower, pivot.upper, tree) >= 0) {
            return above(tree.right, pivot);
        }
        Node<V> kept = new Node<>(tree);
        kept.left = above(tree.left, pivot);
        kept.refresh();
        return kept;
    }

    private static <V> @Nullable Node<V> delete(@Nullable Node<V> tree, Node<V> removed) {
        if (tree == null) {
            return null;
        }
        int order = order(removed.lower, removed.upper, tree);
        if (order == 0) {
            return merge(tree.left, tree.right);
        }
        if (order < 0) {
            tree.left = delete(tree.left, removed);
        } else {
            tree.right = delete(tree.right, removed);
        }
        tree.refresh();
        return tree;
    }

    /// Joins two trees of which the first sorts before the second.
    private static <V> @Nullable Node<V> merge(@Nullable Node<V> left, @Nullable Node<V> right) {
        if (left == null) {
            return right;
        }
        if (right == null) {
            return left;
        }
        if (left.priority > right.priority) {
            left.right = merge(left.right, right);
            left.refresh();
            return left;
        }
        right.left = merge(left, right.left);
        right.refresh();
        return right;
    }

    /// A range and who is interested in it.
    private static final class Node<V> {
        private final byte[] lower;
        private final byte[] upper;
        private final long priority;
        private final List<V> values;
        private byte[] highest;
        private @Nullable Node<V> left;
        private @Nullable Node<V> right;

        Node(byte[] lower, byte[] upper, long priority) {
            this.lower = lower;
            this.upper = upper;
            this.priority = priority;
            this.values = new ArrayList<>(1);
            this.highest = upper;
        }

        /// The same node in a tree that is being split.
        Node(Node<V> other) {
            this.lower = other.lower;
            this.upper = other.upper;
            this.priority = other.priority;
            this.values = other.values;
            this.highest = other.highest;
            this.left = other.left;
            this.right = other.right;
        }

        void refresh() {
            byte[] top = upper;
            if (left != null && Arrays.compareUnsigned(left.highest, top) > 0) {
                top = left.highest;
            }
            if (right != null && Arrays.compareUnsigned(right.highest, top) > 0) {
                top = right.highest;
            }
            highest = top;
        }
    }

    /// A key by its content.
    private static final class Key {
        private final byte[] bytes;
        private final int hash;

        Key(byte[] bytes) {
            this.bytes = bytes;
            this.hash = Arrays.hashCode(bytes);
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Key key && Arrays.equals(bytes, key.bytes);
        }

        @Override
        public int hashCode() {
            return hash;
        }
    }
}
