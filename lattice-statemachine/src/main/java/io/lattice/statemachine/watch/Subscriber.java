package io.lattice.statemachine.watch;

import io.lattice.statemachine.mvcc.KeyRange;
import io.lattice.statemachine.mvcc.Keyspace;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// One stream's side of the hub: its watchers, and what waits for them.
///
/// A watcher is in step, or behind and brought up pass by pass. All watchers in step share one queue. The queue is bounded;
/// when it overflows it is dropped and the whole stream is lagging: those in step have had everything before revision
/// [#from], and are brought up from there like the others. So a client that doesn't read costs no memory but that of its
/// watchers.
///
/// All methods but [#offer] and [#fallBehind], which the apply thread calls with the lock held, belong to one thread, that of
/// the stream.
public final class Subscriber {
    /// Events that may wait for a stream.
    private static final int QUEUED_MAX = 4_096;

    /// Bytes of events that may wait for a stream, unless it is a single event.
    private static final long QUEUED_BYTES_MAX = 1 << 20;

    /// Bytes of events after which a stream takes no further revision at once.
    private static final long TAKEN_BYTES_MAX = 256 << 10;

    /// Recent events after which a pass over them looks at no further revision.
    private static final int RECENT_SCANNED_MAX = 1_000;

    /// Watchers that leave under one hold of the lock.
    private static final int LEAVING_AT_ONCE = 256;

    private final WatchHub hub;
    private final WatchHub.Feed feed;
    private final Runnable wake;

    /// The stream's own, without the lock.
    private final Map<KeyRange, Interest> interests = new HashMap<>();

    private final Set<Watcher> behind = new LinkedHashSet<>();
    private final List<Watcher> expired = new ArrayList<>();
    private int inStep;
    private long highestStart;

    // Guarded by the hub's lock.
    private final ArrayDeque<Waiting> queue = new ArrayDeque<>();
    private long queuedBytes;
    private boolean woken;
    private boolean lagging;
    private long from;

    /// All watchers of one range on one stream, which the index knows as one.
    static final class Interest {
        private final Subscriber subscriber;
        private final List<Watcher> watchers = new ArrayList<>(1);

        Interest(Subscriber subscriber) {
            this.subscriber = subscriber;
        }

        Subscriber subscriber() {
            return subscriber;
        }
    }

    private record Waiting(WatchEvent event, Interest interest) {}

    Subscriber(WatchHub hub, WatchHub.Feed feed, Runnable wake) {
        this.hub = hub;
        this.feed = feed;
        this.wake = wake;
    }

    void wake() {
        wake.run();
    }

    /// Apply thread, with the lock.
    void offer(WatchEvent event, Interest interest, List<Subscriber> toWake) {
        if (lagging) {
            return;
        }
        if (queue.size() >= QUEUED_MAX
                || (!queue.isEmpty() && queuedBytes + event.weight() > QUEUED_BYTES_MAX)) {
            fallBehind(event.revision(), toWake);
            return;
        }
        queue.add(new Waiting(event, interest));
        queuedBytes += event.weight();
        markWoken(toWake);
    }

    /// Apply thread, with the lock: from `revision` on, or from what waits on, watchers in step have to be brought up.
    void fallBehind(long revision, List<Subscriber> toWake) {
        if (!lagging) {
            lagging = true;
            from = Math.max(from, queue.isEmpty() ? revision : queue.getFirst().event.revision());
            queue.clear();
            queuedBytes = 0;
        }
        markWoken(toWake);
    }

    private void markWoken(List<Subscriber> toWake) {
        if (!woken) {
            woken = true;
            toWake.add(this);
        }
    }

    /// The newest revision published.
    public long revision() {
        synchronized (hub.lock()) {
            return counters().revision();
        }
    }

    private Keyspace counters() {
        return hub.keyspaceState(feed.keyspace());
    }

    /// Makes a watcher.
    public Watcher watch(Watcher.Spec spec) {
        Watcher watcher;
        synchronized (hub.lock()) {
            long revision = counters().revision();
            watcher = new Watcher(spec, revision);
            if (watcher.next() > revision) {
                join(watcher);
            } else {
                behind.add(watcher);
            }
        }
        highestStart = Math.max(highestStart, spec.startRevision());
        return watcher;
    }

    /// Puts a watcher in step. With the lock.
    private void join(Watcher watcher) {
        Interest interest = interests.get(watcher.range());
        if (interest == null) {
            interest = new Interest(this);
            interests.put(watcher.range(), interest);
            feed.index().add(watcher.range(), interest);
        }
        interest.watchers.add(watcher);
        watcher.joined();
        inStep++;
    }

    /// Ends a watcher; what waits for it is dropped. One that has ended already is fine.
    public void cancel(Watcher watcher) {
        if (!watcher.isOpen()) {
            return;
        }
        watcher.closed();
        if (!watcher.isInStep()) {
            behind.remove(watcher);
            return;
        }
        inStep--;
        Interest interest = interests.get(watcher.range());
        if (interest == null) {
            throw new IllegalStateException("a watcher in step has no interest");
        }
        interest.watchers.remove(watcher);
        if (interest.watchers.isEmpty()) {
            interests.remove(watcher.range());
            synchronized (hub.lock()) {
                feed.index().remove(watcher.range(), interest);
            }
        }
    }

    /// Takes events that were just applied, about as many as one wants to send at once; none if nothing waits.
    public List<EventBatch> take() {
        List<Waiting> taken;
        long bound;
        synchronized (hub.lock()) {
            woken = false;
            if (queue.isEmpty()) {
                return List.of();
            }
            bound = from;
            taken = new ArrayList<>(Math.min(queue.size(), 64));
            long bytes = 0;
            long last = queue.getFirst().event.revision();
            while (!queue.isEmpty()) {
                Waiting head = queue.getFirst();
                if (head.event.revision() != last
                        && (bytes >= TAKEN_BYTES_MAX
                                || taken.size() >= CatchUpPass.REVISIONS_MAX)) {
                    break;
                }
                taken.add(queue.removeFirst());
                last = head.event.revision();
                bytes += head.event.weight();
                queuedBytes -= head.event.weight();
            }
            from = last + 1;
        }
        return batches(taken, bound);
    }

    private static List<EventBatch> batches(List<Waiting> taken, long bound) {
        Map<Interest, List<WatchEvent>> events = new LinkedHashMap<>();
        for (Waiting waiting : taken) {
            events.computeIfAbsent(waiting.interest, k -> new ArrayList<>(1)).add(waiting.event);
        }
        List<EventBatch> batches = new ArrayList<>();
        events.forEach((interest, list) -> {
            for (Watcher watcher : interest.watchers) {
                List<WatchEvent> selected =
                        EventBatch.select(watcher, list, Math.max(bound, watcher.next()));
                if (!selected.isEmpty()) {
                    batches.add(
                            new EventBatch(watcher, selected, selected.getLast().revision(), true));
                }
            }
        });
        return batches;
    }

    /// Whether watchers have to be brought up.
    public boolean isBehind() {
        if (!behind.isEmpty()) {
            return true;
        }
        synchronized (hub.lock()) {
            return lagging;
        }
    }

    /// The newest revision if every watcher has been given all events up to it and none begins later.
    public OptionalLong inStepRevision() {
        if (!behind.isEmpty()) {
            return OptionalLong.empty();
        }
        synchronized (hub.lock()) {
            long revision = counters().revision();
            return lagging || !queue.isEmpty() || hasLaterStart(revision)
                    ? OptionalLong.empty()
                    : OptionalLong.of(revision);
        }
    }

    /// The newest revision if this watcher has been given all events up to it and doesn't begin later.
    public OptionalLong inStepRevision(Watcher watcher) {
        if (!watcher.isInStep()) {
            return OptionalLong.empty();
        }
        synchronized (hub.lock()) {
            long revision = counters().revision();
            return lagging || !queue.isEmpty() || watcher.startRevision() > revision
                    ? OptionalLong.empty()
                    : OptionalLong.of(revision);
        }
    }

    private boolean hasLaterStart(long revision) {
        if (highestStart <= revision) {
            return false;
        }
        for (Interest interest : interests.values()) {
            for (Watcher watcher : interest.watchers) {
                if (watcher.startRevision() > revision) {
                    return true;
                }
            }
        }
        return false;
    }

    /// Brings up, from the recent events in memory, the watchers that they suffice for; those that thereby are up to date are in
    /// step from then on. Call it when everything taken before has been sent, and [#takeExpired] right after it.
    ///
    /// @return what they missed; there may be more to do when this is sent
    public List<EventBatch> catchUpFromRecent() {
        Moment moment = moment();
        boolean includesInStep = moment.lagging && moment.from >= moment.first;
        List<CatchUp.Pending> pending = pending(moment, true, includesInStep);
        if (pending.isEmpty() && !includesInStep) {
            return List.of();
        }
        long lowest = lowest(pending);
        long revision;
        List<WatchEvent> recent;
        synchronized (hub.lock()) {
            if (!pending.isEmpty() && lowest < feed.recent().first()) {
                // Just evicted: it takes the history now.
                return List.of();
            }
            revision = counters().revision();
            recent = feed.recent().from(lowest, RECENT_SCANNED_MAX);
        }
        // Not under the lock: a single revision may have a hundred thousand events.
        CatchUpPass pass = new CatchUpPass(pending, RECENT_SCANNED_MAX);
        for (WatchEvent event : recent) {
            if (!pass.accept(event)) {
                break;
            }
        }
        synchronized (hub.lock()) {
            // What was applied meanwhile is for the next pass.
            moved(pending, pass.reached(revision), includesInStep);
        }
        return pass.batches(revision);
    }

    /// What has to be looked up in the store's history; null if nothing. Call it after [#catchUpFromRecent], and [#takeExpired]
    /// right after it.
    public @Nullable CatchUp catchUpFromHistory() {
        Moment moment = moment();
        boolean includesInStep = moment.lagging && moment.from < moment.first;
        List<CatchUp.Pending> pending = pending(moment, false, includesInStep);
        if (!pending.isEmpty()) {
            return new CatchUp(
                    feed.keyspace(), pending, lowest(pending), moment.revision, includesInStep);
        }
        if (includesInStep) {
            // Nobody is left, or all are overtaken: there is nothing to look up.
            synchronized (hub.lock()) {
                moved(pending, moment.revision, true);
            }
        }
        return null;
    }

    /// Where hub and stream stand at one moment.
    ///
    /// @param first the lowest revision from which on the recent events are complete
    private record Moment(
            long revision, long compactRevision, long first, boolean lagging, long from) {}

    private Moment moment() {
        synchronized (hub.lock()) {
            Keyspace counters = counters();
            if (lagging && from > counters.revision()) {
                lagging = false;
            }
            return new Moment(
                    counters.revision(),
                    counters.compactRevision(),
                    feed.recent().first(),
                    lagging,
                    from);
        }
    }

    /// Who is behind and can, or can't, be served by the recent events. Those overtaken by compaction are noted as expired.
    private List<CatchUp.Pending> pending(Moment moment, boolean byRecent, boolean includesInStep) {
        List<CatchUp.Pending> pending = new ArrayList<>();
        for (Watcher watcher : behind) {
            if (watcher.next() >= moment.first == byRecent) {
                addOrExpire(watcher, watcher.next(), moment, pending);
            }
        }
        if (includesInStep) {
            for (Interest interest : interests.values()) {
                for (Watcher watcher : interest.watchers) {
                    addOrExpire(watcher, Math.max(moment.from, watcher.next()), moment, pending);
                }
            }
        }
        return pending;
    }

    private void addOrExpire(
            Watcher watcher, long next, Moment moment, List<CatchUp.Pending> pending) {
        if (next < moment.compactRevision) {
            expired.add(watcher);
        } else {
            pending.add(new CatchUp.Pending(watcher, next));
        }
    }

    private static long lowest(List<CatchUp.Pending> pending) {
        long lowest = Long.MAX_VALUE;
        for (CatchUp.Pending one : pending) {
            lowest = Math.min(lowest, one.from());
        }
        return lowest;
    }

    /// Notes how far watchers were brought up. With the lock.
    private void moved(List<CatchUp.Pending> pending, long reached, boolean includesInStep) {
        long revision = counters().revision();
        if (includesInStep) {
            from = Math.max(from, reached + 1);
            lagging = from <= revision;
        }
        for (CatchUp.Pending one : pending) {
            Watcher watcher = one.watcher();
            watcher.movedTo(reached + 1);
            if (!watcher.isInStep() && watcher.next() > revision && behind.remove(watcher)) {
                join(watcher);
            }
        }
    }

    /// Takes the result of a pass over the history.
    public void complete(CatchUp.Result result) {
        synchronized (hub.lock()) {
            moved(result.catchUp().pending(), result.reached(), result.catchUp().includesInStep());
        }
        expired.addAll(result.expired());
    }

    /// Watchers that compaction has overtaken since the last call; they are ended by this.
    public List<Watcher> takeExpired() {
        if (expired.isEmpty()) {
            return List.of();
        }
        List<Watcher> ended = new ArrayList<>();
        for (Watcher watcher : expired) {
            if (watcher.isOpen()) {
                cancel(watcher);
                ended.add(watcher);
            }
        }
        expired.clear();
        return ended;
    }

    /// The first revision that a watcher may start at now.
    public long compactRevision() {
        synchronized (hub.lock()) {
            return counters().compactRevision();
        }
    }

    /// Watchers that are open.
    public int watchers() {
        return inStep + behind.size();
    }

    /// Ends the stream and all its watchers.
    public void close() {
        behind.clear();
        Iterator<Map.Entry<KeyRange, Interest>> left = interests.entrySet().iterator();
        while (left.hasNext()) {
            synchronized (hub.lock()) {
                for (int i = 0; i < LEAVING_AT_ONCE && left.hasNext(); i++) {
                    Map.Entry<KeyRange, Interest> interest = left.next();
                    feed.index().remove(interest.getKey(), interest.getValue());
                }
            }
        }
        interests.clear();
        inStep = 0;
        synchronized (hub.lock()) {
            queue.clear();
            queuedBytes = 0;
            lagging = true;
            hub.unsubscribe(this, feed);
        }
    }
}
