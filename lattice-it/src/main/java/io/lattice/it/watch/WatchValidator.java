package io.lattice.it.watch;

import com.google.protobuf.ByteString;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest.FilterType;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.proto.mvccpb.Event;
import io.lattice.proto.mvccpb.KeyValue;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// Holds what a watcher received against the history of all changes, and names each broken promise of a watch: it is told of
/// the events of its range that its filters let through, from its start on and as long as it is open, and of nothing else;
/// they come in order, each once, none is left out, those of a revision come together; a stream resumed at the next revision
/// goes on without a gap; a progress notification is overtaken by nothing that it covers; the previous record is the right
/// one; one that compaction ends needed what is gone.
public final class WatchValidator {
    private static final ByteString LOWEST_KEY = ByteString.copyFrom(new byte[] {0});
    private static final Comparator<ByteString> KEY_ORDER =
            ByteString.unsignedLexicographicalComparator();

    private final List<Event> history;
    private final Set<Event> happened;
    private final long compacted;
    private final Map<ByteString, TreeMap<Long, KeyValue>> versions = new HashMap<>();

    /// @param history every change of the store from the first one on, in order
    public WatchValidator(List<Event> history) {
        this(history, 0);
    }

    /// @param history every change of the store from the first one on, in order
    /// @param compacted an event up to this revision may come without the record before it, which may be gone
    public WatchValidator(List<Event> history, long compacted) {
        this.history = history.stream().map(WatchValidator::bare).toList();
        this.happened = new HashSet<>(this.history);
        this.compacted = compacted;
        for (Event event : history) {
            versions.computeIfAbsent(event.getKv().getKey(), k -> new TreeMap<>())
                    .put(event.getKv().getModRevision(), event.getKv());
        }
    }

    /// What one watcher, perhaps resumed several times, asked for and received.
    ///
    /// @param name for reports
    /// @param asked its first request, which says range, start, filters and the like
    /// @param responses all of its responses in order, of all the streams on which it was resumed, with those that created
    ///     it and with progress notifications for the whole stream
    public record Received(String name, WatchCreateRequest asked, List<WatchResponse> responses) {
        boolean covers(ByteString key) {
            ByteString from = asked.getKey().isEmpty() ? LOWEST_KEY : asked.getKey();
            ByteString end = asked.getRangeEnd();
            if (end.isEmpty()) {
                return key.equals(from);
            }
            return KEY_ORDER.compare(key, from) >= 0
                    && (end.equals(LOWEST_KEY) || KEY_ORDER.compare(key, end) < 0);
        }

        boolean lets(Event event) {
            return !asked.getFiltersList()
                    .contains(
                            event.getType() == Event.EventType.DELETE
                                    ? FilterType.NODELETE
                                    : FilterType.NOPUT);
        }
    }

    /// The promises broken, none if all is well.
    ///
    /// @param to up to here the watcher must have received everything, unless it was ended
    public List<String> check(Received received, long to) {
        Course course = new Course(received);
        received.responses().forEach(course::next);
        List<String> broken = course.broken;
        if (course.from < 0) {
            broken.add("created: never");
        } else {
            checkContent(course, to);
        }
        return broken.stream().map(text -> received.name() + ": " + text).toList();
    }

    /// What one watcher was told, response by response.
    private final class Course {
        private final Received received;
        private final WatchCreateRequest asked;
        private final List<String> broken = new ArrayList<>();
        private final List<Event> events = new ArrayList<>();

        /// The revisions that compaction took before it was told of them, lowest and highest.
        private final List<long[]> overtaken = new ArrayList<>();

        private boolean open;

        /// The first revision that it has to be told of, -1 as long as it isn't created.
        private long from;

        /// The highest revision that it was told of, by events or a notification.
        private long told;

        /// By a notification only.
        private long covered;

        /// The revision that has come whole.
        private long whole;

        private boolean inFragments;

        Course(Received received) {
            this.received = received;
            this.asked = received.asked();
            this.from = asked.getStartRevision() == 0 ? -1 : asked.getStartRevision();
            this.told = from - 1;
        }

        void next(WatchResponse response) {
            if (response.getCreated()) {
                created(response);
            } else if (response.getCanceled()) {
                ended(response);
            } else if (response.getEventsCount() == 0) {
                notified(response);
            } else {
                told(response);
            }
        }

        private void created(WatchResponse response) {
            if (from < 0) {
                told = response.getHeader().getRevision();
                from = told + 1;
            }
            open = true;
            inFragments = false;
        }

        private void ended(WatchResponse response) {
            checkFragments();
            long compactRevision = response.getCompactRevision();
            if (compactRevision > 0) {
                if (told + 1 >= compactRevision) {
                    broken.add(
                            "compacted: ended at %d, told up to %d"
                                    .formatted(compactRevision, told));
                }
                overtaken.add(new long[] {told + 1, compactRevision - 1});
                told = Math.max(told, compactRevision - 1);
            }
            open = false;
        }

        private void notified(WatchResponse response) {
            checkFragments();
            boolean own = response.getWatchId() >= 0;
            if (own && !asked.getProgressNotify()) {
                broken.add("progress: not asked for");
            }
            if (!open) {
                if (own) {
                    broken.add("open: progress outside of its life");
                }
                return;
            }
            long revision = response.getHeader().getRevision();
            if (revision < told) {
                broken.add("progress: %d, told up to %d".formatted(revision, told));
            }
            covered = Math.max(covered, revision);
            told = Math.max(told, covered);
        }

        private void checkFragments() {
            if (inFragments) {
                broken.add("fragment: the rest is missing");
                inFragments = false;
            }
        }

        private void told(WatchResponse response) {
            if (!open) {
                broken.add("open: an event outside of its life");
            }
            if (response.getFragment() && !asked.getFragment()) {
                broken.add("fragment: not asked for");
            }
            for (Event event : response.getEventsList()) {
                long revision = event.getKv().getModRevision();
                if (revision <= covered) {
                    broken.add("bookmark: %d after progress at %d".formatted(revision, covered));
                }
                if (revision == whole) {
                    broken.add("atomic: revision %d is split".formatted(revision));
                }
                if (revision > response.getHeader().getRevision()) {
                    broken.add("header: below the event at " + revision);
                }
                if (!events.isEmpty() && revision < events.getLast().getKv().getModRevision()) {
                    broken.add(
                            "ordered: %d after %d"
                                    .formatted(
                                            revision, events.getLast().getKv().getModRevision()));
                }
                checkPrevious(event);
                events.add(event);
                told = Math.max(told, revision);
            }
            inFragments = response.getFragment();
            if (!inFragments) {
                whole = events.getLast().getKv().getModRevision();
            }
        }

        private void checkPrevious(Event event) {
            KeyValue kv = event.getKv();
            if (!asked.getPrevKv()) {
                if (event.hasPrevKv()) {
                    broken.add("previous: not asked for with " + name(event));
                }
                return;
            }
            Map.Entry<Long, KeyValue> before =
                    versions.getOrDefault(kv.getKey(), new TreeMap<>())
                            .lowerEntry(kv.getModRevision());
            boolean existed = before != null && before.getValue().getVersion() != 0;
            boolean right =
                    event.hasPrevKv()
                            ? existed && event.getPrevKv().equals(before.getValue())
                            : !existed || kv.getModRevision() <= compacted;
            if (!right) {
                broken.add("previous: wrong for " + name(event));
            }
        }

        boolean wasOvertaken(long revision) {
            return overtaken.stream().anyMatch(gone -> gone[0] <= revision && revision <= gone[1]);
        }
    }

    private void checkContent(Course course, long to) {
        // What waits for a watcher that is cancelled needn't come any more.
        long end = course.open ? to : Math.min(to, course.told);
        Map<Event, Integer> seen = new HashMap<>();
        for (Event event : course.events) {
            if (seen.merge(bare(event), 1, Integer::sum) > 1) {
                course.broken.add("unique: twice " + name(event));
            }
        }
        for (Event event : history) {
            long revision = event.getKv().getModRevision();
            boolean wanted =
                    course.received.covers(event.getKv().getKey())
                            && course.received.lets(event)
                            && revision >= course.from;
            if (wanted
                    && seen.remove(event) == null
                    && revision <= end
                    && !course.wasOvertaken(revision)) {
                course.broken.add("reliable: missing " + name(event));
            }
        }
        seen.keySet()
                .forEach(
                        event -> course.broken.add(whyUnwanted(course, event) + " " + name(event)));
    }

    private String whyUnwanted(Course course, Event event) {
        if (!happened.contains(event)) {
            return "reliable: never happened";
        }
        if (!course.received.covers(event.getKv().getKey())) {
            return "range: not in it is";
        }
        if (!course.received.lets(event)) {
            return "filter: let through";
        }
        return "start: at %d came".formatted(course.from);
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
