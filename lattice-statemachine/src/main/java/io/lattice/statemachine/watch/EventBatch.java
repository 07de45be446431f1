package io.lattice.statemachine.watch;

import java.util.ArrayList;
import java.util.List;

/// Events for one watcher, to be sent in one response: whole revisions, in order.
///
/// @param watcher whose they are
/// @param events not empty
/// @param revision for the response's header: every event for the watcher that is not newer is in this batch or an
///     earlier one. For what was just applied the revision of the last event; for what was caught up on the newest one
/// @param live whether it was just applied
public record EventBatch(Watcher watcher, List<WatchEvent> events, long revision, boolean live) {
    /// The events that concern the watcher, from revision `from` on, without those that it filters out. The given list is used
    /// itself when nothing is left out, so that watchers of one range share it.
    static List<WatchEvent> select(Watcher watcher, List<WatchEvent> events, long from) {
        if (!watcher.filters() && (events.isEmpty() || events.getFirst().revision() >= from)) {
            return events;
        }
        List<WatchEvent> selected = new ArrayList<>(events.size());
        for (WatchEvent event : events) {
            if (event.revision() >= from && watcher.wants(event.change())) {
                selected.add(event);
            }
        }
        return selected;
    }
}
