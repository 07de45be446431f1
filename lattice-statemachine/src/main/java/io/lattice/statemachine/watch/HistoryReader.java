package io.lattice.statemachine.watch;

import io.lattice.statemachine.mvcc.ReadView;
import java.util.ArrayList;
import java.util.List;

/// Brings watchers up from the store's history, a bounded pass at a time. A pass makes events of its own, which all its watchers share
/// and no other stream does. May block on the disk: not for event loops.
public final class HistoryReader {
    /// Events read in one pass, of interest or not, so that a stream that wants few of many leaves the thread to others.
    private static final int SCANNED_MAX = 20_000;

    private HistoryReader() {}

    /// Reads what watchers of `catchUp` are missing, as far as one pass goes.
    ///
    /// @param view not older than the catch-up
    public static CatchUp.Result read(ReadView view, CatchUp catchUp) {
        // The view may be newer than what the catch-up was made by, and its history shorter.
        long compacted = view.compactRevision(catchUp.keyspace());
        List<CatchUp.Pending> readable = new ArrayList<>(catchUp.pending().size());
        List<Watcher> expired = new ArrayList<>();
        for (CatchUp.Pending pending : catchUp.pending()) {
            if (pending.from() < compacted) {
                expired.add(pending.watcher());
            } else {
                readable.add(pending);
            }
        }
        CatchUpPass pass = new CatchUpPass(readable, SCANNED_MAX);
        if (!readable.isEmpty()) {
            view.scanHistory(
                    catchUp.keyspace(),
                    Math.max(catchUp.from(), compacted),
                    catchUp.to(),
                    change -> pass.accept(new WatchEvent(change)));
        }
        List<EventBatch> batches = pass.batches(catchUp.to());
        for (EventBatch batch : batches) {
            if (batch.watcher().wantsPrevious()) {
                batch.events().forEach(event -> event.previous(view));
            }
        }
        return new CatchUp.Result(catchUp, batches, pass.reached(catchUp.to()), expired, compacted);
    }
}
