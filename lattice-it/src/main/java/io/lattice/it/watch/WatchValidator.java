package io.lattice.it.watch;

import com.google.protobuf.ByteString;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.proto.mvccpb.Event;
import io.lattice.proto.mvccpb.KeyValue;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;

/// Holds what a watcher received against the history of all changes, and names each broken promise of a watch: events come in
/// order, each once, none is left out, those of a revision come together, a stream resumed at the next revision goes on
/// without a gap, a progress notification is overtaken by nothing that it covers, and the previous record is the right one.
public final class WatchValidator {
    private final List<Event> history;
    private final Map<ByteString, TreeMap<Long, KeyValue>> versions = new HashMap<>();

    /// @param history every change of the store from the first one on, in order
    public WatchValidator(List<Event> history) {
        this.history = List.copyOf(history);
        for (Event event : history) {
            versions.computeIfAbsent(event.getKv().getKey(), k -> new TreeMap<>())
                    .put(event.getKv().getModRevision(), event.getKv());
        }
    }

    /// What one watcher, perhaps resumed several times, asked for and received.
    ///
    /// @param name for reports
    /// @param wanted whether a key is in its range
    /// @param from its first revision
    /// @param responses all of its responses in order, of all the streams on which it was resumed, notifications for the whole
    ///     stream included
    /// @param withPrevious whether it asked for previous records
    public record Received(
            String name,
            Predicate<ByteString> wanted,
            long from,
            List<WatchResponse> responses,
            boolean withPrevious) {}

    /// The promises broken, none if all is well.
    ///
    /// @param to up to here the watcher must have received everything
    public List<String> check(Received received, long to) {
        List<String> broken = new ArrayList<>();
        List<Event> events = new ArrayList<>();
        long covered = 0;
        long open = 0;
        for (WatchResponse response : received.responses()) {
            if (response.getEventsCount() == 0) {
                if (!response.getCreated() && !response.getCanceled()) {
                    covered = Math.max(covered, response.getHeader().getRevision());
                }
                continue;
            }
            for (Event event : response.getEventsList()) {
                long revision = event.getKv().getModRevision();
                if (revision <= covered) {
                    broken.add("bookmark: %d after progress at %d".formatted(revision, covered));
                }
                if (revision == open) {
                    broken.add("atomic: revision %d is split".formatted(revision));
                }
                if (revision > response.getHeader().getRevision()) {
                    broken.add("header: below the event at " + revision);
                }
                events.add(event);
            }
            if (!response.getFragment()) {
                open = events.getLast().getKv().getModRevision();
            }
        }
        checkOrder(events, broken);
        checkContent(received, events, to, broken);
        if (received.withPrevious()) {
            events.forEach(event -> checkPrevious(event, broken));
        }
        return broken.stream().map(text -> received.name() + ": " + text).toList();
    }

    private static void checkOrder(List<Event> events, List<String> broken) {
        for (int i = 1; i < events.size(); i++) {
            long before = events.get(i - 1).getKv().getModRevision();
            long now = events.get(i).getKv().getModRevision();
            if (now < before) {
                broken.add("ordered: %d after %d".formatted(now, before));
            }
        }
    }

    private void checkContent(Received received, List<Event> events, long to, List<String> broken) {
        List<Event> wanted =
                history.stream()
                        .filter(e -> received.wanted().test(e.getKv().getKey()))
                        .filter(e -> e.getKv().getModRevision() >= received.from())
                        .map(WatchValidator::bare)
                        .toList();
        Map<Event, Integer> seen = new HashMap<>();
        for (Event event : events) {
            if (seen.merge(bare(event), 1, Integer::sum) > 1) {
                broken.add("unique: twice " + name(event));
            }
        }
        for (Event event : wanted) {
            if (seen.remove(event) == null && event.getKv().getModRevision() <= to) {
                broken.add("reliable: missing " + name(event));
            }
        }
        seen.keySet().forEach(event -> broken.add("reliable: never happened " + name(event)));
    }

    private void checkPrevious(Event event, List<String> broken) {
        KeyValue kv = event.getKv();
        Map.Entry<Long, KeyValue> before =
                versions.getOrDefault(kv.getKey(), new TreeMap<>()).lowerEntry(kv.getModRevision());
        boolean existed = before != null && before.getValue().getVersion() != 0;
        if (event.hasPrevKv() != existed
                || (existed && !event.getPrevKv().equals(before.getValue()))) {
            broken.add("previous: wrong for " + name(event));
        }
    }

    private static Event bare(Event event) {
        return event.toBuilder().clearPrevKv().build();
    }

    private static String name(Event event) {
        return "%s %s at %d"
                .formatted(
                        event.getType(),
                        event.getKv().getKey().toStringUtf8(),
                        event.getKv().getModRevision());
    }
}
