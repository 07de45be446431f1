package io.lattice.statemachine.watch;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/// The newest events of a keyspace, in revision order and without a gap up to its newest revision. Bounded by bytes and by
/// count: the oldest leave, whole revisions at a time, but the newest revision stays whatever its size. Guarded by the hub's
/// lock, but for [#charge(int)].
final class RecentEvents {
    private final long bytesMax;
    private final int countMax;
    private final AtomicLong bytes = new AtomicLong();
    private @Nullable WatchEvent[] ring = new WatchEvent[64];
    private int start;
    private int size;
    private long first;

    /// @param first the revision from which on no event is missing
    RecentEvents(long bytesMax, int countMax, long first) {
        this.bytesMax = bytesMax;
        this.countMax = countMax;
        this.first = first;
    }

    /// The lowest revision from which on all events are here.
    long first() {
        return first;
    }

    long bytes() {
        return bytes.get();
    }

    int size() {
        return size;
    }

    /// Counts memory that an event in here takes or gives back. Any thread.
    void charge(int delta) {
        bytes.addAndGet(delta);
    }

    void add(WatchEvent event) {
        if (size == ring.length) {
            @Nullable WatchEvent[] larger = new WatchEvent[2 * size];
            for (int i = 0; i < size; i++) {
                larger[i] = at(i);
            }
            ring = larger;
            start = 0;
        }
        ring[(start + size) % ring.length] = event;
        size++;
        event.enter(this);
        evict();
    }

    private void evict() {
        long newest = at(size - 1).revision();
        while (size > 0
                && (bytes.get() > bytesMax || size > countMax)
                && at(0).revision() < newest) {
            first = at(0).revision() + 1;
            while (at(0).revision() < first) {
                at(0).leave();
                ring[start] = null;
                start = (start + 1) % ring.length;
                size--;
            }
        }
    }

    /// Forgets all events: `nextFirst` is the next that will be added.
    void restart(long nextFirst) {
        for (int i = 0; i < size; i++) {
            at(i).leave();
        }
        Arrays.fill(ring, null);
        start = 0;
        size = 0;
        first = nextFirst;
    }

    /// The events from a revision on, which must not be below [#first()], up to the end of the revision that the `count`-th of
    /// them is in, and then the first of the next revision, if there is one, by which it shows that these aren't all. Looks at
    /// few of them, as the lock is held.
    List<WatchEvent> from(long revision, int count) {
        int low = place(revision);
        int high = size;
        if (high - low > count) {
            high = Math.min(size, place(at(low + count - 1).revision() + 1) + 1);
        }
        @Nullable WatchEvent[] events = new WatchEvent[high - low];
        int begin = (start + low) % ring.length;
        int unbroken = Math.min(events.length, ring.length - begin);
        System.arraycopy(ring, begin, events, 0, unbroken);
        System.arraycopy(ring, 0, events, unbroken, events.length - unbroken);
        return Arrays.asList(events);
    }

    /// The place of the first event that is not before a revision.
    private int place(long revision) {
        int low = 0;
        int high = size;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (at(middle).revision() < revision) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    private WatchEvent at(int place) {
        WatchEvent event = ring[(start + place) % ring.length];
        if (event == null) {
            throw new IllegalStateException("no event at place " + place + " of " + size);
        }
        return event;
    }
}
