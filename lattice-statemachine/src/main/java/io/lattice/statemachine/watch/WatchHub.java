package io.lattice.statemachine.watch;

import io.lattice.statemachine.mvcc.Change;
import io.lattice.statemachine.mvcc.Keyspace;
import io.lattice.statemachine.mvcc.StoreState;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Where the applied changes meet those who watch. The apply thread publishes each entry once its view shows; every change is
/// looked up in an index of ranges and handed, as a reference, to each stream that has a watcher for it, once a stream and
/// range. Streams take and send on threads of their own.
///
/// One lock guards everything in here and the subscribers' queues. It is held for moments only: while an entry is matched,
/// while a stream takes what waits, or while a watcher comes or goes. Nothing is read, encoded, sent or called back under it.
///
/// For a keyspace that nobody watches nothing is kept.
public final class WatchHub {
    /// Recent events kept for each watched keyspace, so that a stream that is a little behind needs no disk.
    private static final long RECENT_BYTES_MAX = 16 << 20;

    private static final int RECENT_COUNT_MAX = 1 << 16;

    private final Object lock = new Object();
    private final Map<Integer, Feed> feeds = new HashMap<>();
    private final long recentBytesMax;
    private final int recentCountMax;
    private @Nullable StoreState state;
    private volatile boolean wanted;

    public WatchHub() {
        this(RECENT_BYTES_MAX, RECENT_COUNT_MAX);
    }

    /// With other bounds for the recent events of a keyspace.
    public WatchHub(long recentBytesMax, int recentCountMax) {
        this.recentBytesMax = recentBytesMax;
        this.recentCountMax = recentCountMax;
    }

    /// The changes of one keyspace and who wants them. Guarded by the lock.
    static final class Feed {
        private final int keyspace;
        private final RangeIndex<Subscriber.Interest> index = new RangeIndex<>();
        private final RecentEvents recent;
        private final Set<Subscriber> subscribers = new HashSet<>();

        Feed(int keyspace, RecentEvents recent) {
            this.keyspace = keyspace;
            this.recent = recent;
        }

        int keyspace() {
            return keyspace;
        }

        RangeIndex<Subscriber.Interest> index() {
            return index;
        }

        RecentEvents recent() {
            return recent;
        }
    }

    /// Whether [#publish] should be given the changes. A hint: publishing without them is right, too.
    public boolean wantsChanges() {
        return wanted;
    }

    /// Tells of an applied entry, after readers can see it. Apply thread only; doesn't wait for any client.
    ///
    /// @param changes what the entry changed, null if it was not recorded
    public void publish(StoreState after, @Nullable List<Change> changes) {
        List<Subscriber> woken = new ArrayList<>();
        synchronized (lock) {
            StoreState before = state;
            state = after;
            if (feeds.isEmpty() || before == null) {
                return;
            }
            if (changes == null) {
                skip(before, after, woken);
            } else {
                hand(changes, woken);
            }
        }
        woken.forEach(Subscriber::wake);
    }

    private void hand(List<Change> changes, List<Subscriber> woken) {
        Feed feed = null;
        for (Change change : changes) {
            if (feed == null || feed.keyspace != change.keyspace()) {
                feed = feeds.get(change.keyspace());
            }
            if (feed != null) {
                WatchEvent event = new WatchEvent(change);
                feed.recent.add(event);
                feed.index.match(
                        change.key(),
                        interest -> interest.subscriber().offer(event, interest, woken));
            }
        }
    }

    /// Nobody recorded what changed: whoever was in step has to look it up.
    private void skip(StoreState before, StoreState after, List<Subscriber> woken) {
        for (Feed feed : feeds.values()) {
            long last = before.keyspace(feed.keyspace).revision();
            long now = after.keyspace(feed.keyspace).revision();
            if (now != last) {
                feed.recent.restart(now + 1);
                feed.subscribers.forEach(subscriber -> subscriber.fallBehind(last + 1, woken));
            }
        }
    }

    /// Goes on with another store, or with the first one. Watchers look up what they missed in it; what they had already
    /// been told of is not told again.
    public void restart(StoreState opened) {
        List<Subscriber> woken = new ArrayList<>();
        synchronized (lock) {
            StoreState before = state;
            state = opened;
            if (before != null) {
                for (Feed feed : feeds.values()) {
                    long last = before.keyspace(feed.keyspace).revision();
                    feed.recent.restart(opened.keyspace(feed.keyspace).revision() + 1);
                    feed.subscribers.forEach(subscriber -> subscriber.fallBehind(last + 1, woken));
                }
            }
        }
        woken.forEach(Subscriber::wake);
    }

    /// Begins a stream of watchers on one keyspace.
    ///
    /// @param wake called, on any thread and without a lock, when there may be something to take; must not block or throw
    public Subscriber subscribe(int keyspace, Runnable wake) {
        synchronized (lock) {
            Feed feed = feeds.get(keyspace);
            if (feed == null) {
                long first = keyspaceState(keyspace).revision() + 1;
                feed = new Feed(keyspace, new RecentEvents(recentBytesMax, recentCountMax, first));
                feeds.put(keyspace, feed);
            }
            Subscriber subscriber = new Subscriber(this, feed, wake);
            feed.subscribers.add(subscriber);
            wanted = true;
            return subscriber;
        }
    }

    /// Ends a stream whose watchers are gone. Caller holds the lock.
    void unsubscribe(Subscriber subscriber, Feed feed) {
        feed.subscribers.remove(subscriber);
        if (feed.subscribers.isEmpty()) {
            feeds.remove(feed.keyspace, feed);
            wanted = !feeds.isEmpty();
        }
    }

    /// The counters of a keyspace as last published. Caller holds the lock.
    Keyspace keyspaceState(int keyspace) {
        StoreState current = state;
        return current == null ? Keyspace.empty(keyspace) : current.keyspace(keyspace);
    }

    Object lock() {
        return lock;
    }

    /// Bytes that the recent events of a keyspace take; 0 if nobody watches it.
    public long recentBytes(int keyspace) {
        synchronized (lock) {
            Feed feed = feeds.get(keyspace);
            return feed == null ? 0 : feed.recent.bytes();
        }
    }
}
