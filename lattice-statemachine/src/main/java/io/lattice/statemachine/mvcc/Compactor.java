package io.lattice.statemachine.mvcc;

import io.lattice.statemachine.storage.Cursor;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.RocksStore;
import io.lattice.statemachine.storage.WriteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/// Removes what a compaction at revision C freed, on a thread of its own, in batches of bounded size.
///
/// It walks the events from the last finished compaction to C. Each event names the record that it superseded: that record and
/// its event go. A deletion before C takes its own tombstone along; one exactly at C stays until the next compaction, since a
/// watch from C must still see it. So after Compact(5) on put(1) put(2) delete(4) put(5) put(7) the events 1, 2 and 4 are gone.
/// All are deletions of known keys: nothing is read but the events, and the work is that of what changed, not of the store.
///
/// No lock is needed against the apply thread. Apply never touches a superseded record or an old event again, and reads only
/// at revisions that keep their answer (see `StoredKeys`). It adds events above C only, since C was at most the newest
/// revision. The progress mark rides in each batch, so after a crash the walk resumes, at worst deleting what is already gone.
///
/// At most one target per keyspace is queued: a later compaction includes an earlier one.
public final class Compactor implements AutoCloseable {
    private static final int EVENTS_PER_BATCH = 256;

    /// Someone who waits until a compaction is done and durable.
    private record Waiter(int keyspace, long revision, CompletableFuture<Void> done) {}

    private final RocksStore store;
    private final WriteBuffer buffer;
    private final Thread thread;
    private final Object lock = new Object();
    private final Map<Integer, Long> targets = new LinkedHashMap<>();
    private final Map<Integer, Long> finished = new HashMap<>();
    private final List<Waiter> waiters = new ArrayList<>();
    private boolean closing;
    private volatile @Nullable Throwable failure;

    /// Starts the thread, and resumes what an earlier process left undone.
    public Compactor(RocksStore store, StoreState state) {
        this.store = store;
        this.buffer = store.newBuffer();
        for (Keyspace keyspace : state.keyspaces().all()) {
            long mark = readMark(keyspace.id());
            finished.put(keyspace.id(), mark);
            if (keyspace.compactRevision() > mark) {
                targets.put(keyspace.id(), keyspace.compactRevision());
            }
        }
        thread = Thread.ofPlatform().name("lattice-compactor").daemon().unstarted(this::run);
        thread.start();
    }

    /// Queues a compaction. Call only after the batch that set the compact revision was written.
    public void schedule(int keyspace, long revision) {
        synchronized (lock) {
            targets.merge(keyspace, revision, Math::max);
            lock.notifyAll();
        }
    }

    /// Completes once everything that a compaction at `revision` freed is deleted and that is durable; exceptionally if the
    /// store fails or closes first.
    public CompletableFuture<Void> finished(int keyspace, long revision) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        synchronized (lock) {
            Throwable broken = failure;
            if (broken != null) {
                done.completeExceptionally(broken);
            } else if (closing) {
                done.completeExceptionally(closed());
            } else {
                waiters.add(new Waiter(keyspace, revision, done));
                lock.notifyAll();
            }
        }
        return done;
    }

    /// What ended the thread, if something did. Whoever applies the log asks before each entry and ends the process: a store
    /// that fails for one thread cannot be trusted by the other.
    public @Nullable Throwable failure() {
        return failure;
    }

    /// Stops after the batch in progress; the rest is resumed at the next start.
    @Override
    public void close() {
        synchronized (lock) {
            closing = true;
            lock.notifyAll();
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                // The database must not be closed under the thread; its batch in progress is short.
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        try {
            Map.Entry<Integer, Long> task = awaitWork();
            while (task != null) {
                int keyspace = task.getKey();
                long target = task.getValue();
                if (compact(keyspace, target)) {
                    finish(keyspace, target);
                }
                completeWaiters();
                task = awaitWork();
            }
            failWaiters(closed());
        } catch (RuntimeException | Error e) {
            // Whatever it was: a thread that died unnoticed would leave compactions waiting for
            // ever.
            failure = e;
            failWaiters(e);
        }
    }

    /// The next target, or null when closing. Serves waiters that need no work in between.
    private Map.@Nullable Entry<Integer, Long> awaitWork() {
        while (true) {
            synchronized (lock) {
                while (!closing && targets.isEmpty() && !anyWaiterServed()) {
                    try {
                        lock.wait();
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(
                                "the compactor's thread was interrupted", e);
                    }
                }
                if (closing) {
                    return null;
                }
                if (!targets.isEmpty()) {
                    Map.Entry<Integer, Long> first = targets.entrySet().iterator().next();
                    return Map.entry(first.getKey(), first.getValue());
                }
            }
            completeWaiters();
        }
    }

    /// Returns false if it was interrupted by closing.
    private boolean compact(int keyspace, long target) {
        Revision next = new Revision(Math.max(0, mark(keyspace)), 0);
        byte[] end = KeyCodec.event(keyspace, target + 1, 0);
        boolean more = true;
        while (more) {
            if (isClosing()) {
                return false;
            }
            buffer.clear();
            int taken = 0;
            byte[] from = KeyCodec.event(keyspace, next.main(), next.sub());
            try (Cursor events = store.cursor(Family.EVENTS, from, end)) {
                while (events.valid() && taken < EVENTS_PER_BATCH) {
                    byte[] at = events.key();
                    Revision revision =
                            new Revision(KeyCodec.mainOfEvent(at), KeyCodec.subOfEvent(at));
                    drop(keyspace, revision, events.value(), target);
                    next = new Revision(revision.main(), revision.sub() + 1);
                    taken++;
                    events.next();
                }
                more = events.valid();
            }
            writeMark(keyspace, more ? next.main() : target);
            store.write(buffer);
        }
        return true;
    }

    private void drop(int keyspace, Revision at, byte[] event, long target) {
        byte[] key = EventCodec.key(keyspace, event);
        if (EventCodec.hasPrevious(event)) {
            long main = EventCodec.previousMain(event);
            int sub = EventCodec.previousSub(event);
            if (EventCodec.isPreviousIndexed(event)) {
                buffer.delete(Family.VERSIONS, KeyCodec.version(key, main, sub));
            }
            buffer.delete(Family.EVENTS, KeyCodec.event(keyspace, main, sub));
        }
        if (EventCodec.isDeletion(event) && at.main() < target) {
            buffer.delete(Family.VERSIONS, KeyCodec.version(key, at.main(), at.sub()));
            buffer.delete(Family.EVENTS, KeyCodec.event(keyspace, at.main(), at.sub()));
        }
    }

    private void finish(int keyspace, long target) {
        synchronized (lock) {
            finished.put(keyspace, target);
            targets.remove(keyspace, target);
        }
    }

    private void completeWaiters() {
        List<Waiter> served = new ArrayList<>();
        synchronized (lock) {
            Iterator<Waiter> all = waiters.iterator();
            while (all.hasNext()) {
                Waiter waiter = all.next();
                if (isServed(waiter)) {
                    served.add(waiter);
                    all.remove();
                }
            }
        }
        if (served.isEmpty()) {
            return;
        }
        store.flush();
        served.forEach(waiter -> waiter.done.complete(null));
    }

    private boolean anyWaiterServed() {
        return waiters.stream().anyMatch(this::isServed);
    }

    private boolean isServed(Waiter waiter) {
        return waiter.revision <= finished.getOrDefault(waiter.keyspace, Revision.NEVER_COMPACTED);
    }

    private void failWaiters(Throwable cause) {
        List<Waiter> failed;
        synchronized (lock) {
            closing = true;
            failed = List.copyOf(waiters);
            waiters.clear();
        }
        failed.forEach(waiter -> waiter.done.completeExceptionally(cause));
    }

    private boolean isClosing() {
        synchronized (lock) {
            return closing;
        }
    }

    private long mark(int keyspace) {
        synchronized (lock) {
            return finished.getOrDefault(keyspace, Revision.NEVER_COMPACTED);
        }
    }

    private long readMark(int keyspace) {
        byte[] mark = store.get(Family.META, KeyCodec.compacted(keyspace));
        return mark == null ? Revision.NEVER_COMPACTED : KeyCodec.getLong(mark, 0);
    }

    private void writeMark(int keyspace, long main) {
        byte[] mark = new byte[Long.BYTES];
        KeyCodec.putLong(mark, 0, main);
        buffer.put(Family.META, KeyCodec.compacted(keyspace), mark);
    }

    private static IllegalStateException closed() {
        return new IllegalStateException("the store is closing");
    }
}
