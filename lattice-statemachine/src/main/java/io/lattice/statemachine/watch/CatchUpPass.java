package io.lattice.statemachine.watch;

import java.util.ArrayList;
import java.util.List;

/// Collects the events of the past for watchers that are behind, event by event in revision order, until it has enough. Ends
/// between two revisions, never within one. Used by one thread.
final class CatchUpPass {
    /// Revisions with events of interest in one pass, and so in one response; etcd's `watchBatchMaxRevs`.
    static final int REVISIONS_MAX = 1_000;

    /// Bytes of interest after which a pass takes no further revision. With a request of the largest size on top, and all
    /// previous records, a response stays below 4 MiB, the most that gRPC clients for Java take by default.
    static final long BYTES_MAX = 256 << 10;

    private final List<Found> founds;
    private final RangeIndex<Found> index = new RangeIndex<>();
    private final int scannedMax;
    private long current;
    private int scanned;
    private int revisions;
    private long lastMatched = -1;
    private long bytes;
    private boolean full;
    private boolean stopped;

    /// A watcher and its events.
    private static final class Found {
        private final CatchUp.Pending pending;
        private final List<WatchEvent> events = new ArrayList<>();

        Found(CatchUp.Pending pending) {
            this.pending = pending;
        }
    }

    /// @param scannedMax events after which no further revision is looked at
    CatchUpPass(List<CatchUp.Pending> pending, int scannedMax) {
        this.scannedMax = scannedMax;
        this.founds = new ArrayList<>(pending.size());
        for (CatchUp.Pending one : pending) {
            Found found = new Found(one);
            founds.add(found);
            index.add(one.watcher().range(), found);
        }
    }

    /// Takes an event; false if it belongs to a later pass.
    boolean accept(WatchEvent event) {
        if (full && event.revision() != current) {
            stopped = true;
            return false;
        }
        current = event.revision();
        scanned++;
        boolean[] wanted = {false};
        index.match(
                event.change().key(),
                found -> {
                    if (event.revision() >= found.pending.from()
                            && found.pending.watcher().wants(event.change())) {
                        found.events.add(event);
                        wanted[0] = true;
                    }
                });
        if (wanted[0]) {
            bytes += event.weight();
            if (current != lastMatched) {
                lastMatched = current;
                revisions++;
            }
        }
        full = bytes >= BYTES_MAX || revisions >= REVISIONS_MAX || scanned >= scannedMax;
        return true;
    }

    /// Up to which revision everything was found, if there was nothing more than what was offered up to `end`.
    long reached(long end) {
        return stopped ? current : end;
    }

    /// What was found.
    ///
    /// @param revision for the headers
    List<EventBatch> batches(long revision) {
        List<EventBatch> batches = new ArrayList<>();
        for (Found found : founds) {
            if (!found.events.isEmpty()) {
                batches.add(new EventBatch(found.pending.watcher(), found.events, revision, false));
            }
        }
        return batches;
    }
}
