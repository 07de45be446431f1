package io.lattice.it.watch;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import java.util.ArrayList;
import java.util.List;

/// A client with watchers on one stream that goes on with the next node when the stream ends, and from the compact revision
/// when compaction has ended a watcher. Used by one thread.
final class WatchFollower implements AutoCloseable {
    /// Where a watcher goes on.
    enum Resume {
        /// Behind the last event or notification, as etcd's Go client does.
        LATEST,

        /// Behind the last notification: what came after it is forgotten, and has to come again. So does who keeps what
        /// came only up to a notification, as Kubernetes' bookmarks are used.
        BOOKMARK
    }

    /// What a follower asks for.
    ///
    /// @param wantsLeader whether the stream wants a node with a leader
    /// @param asks whether it asks for progress itself
    /// @param requests one for each watcher, without ids
    record Plan(
            Resume resume, boolean wantsLeader, boolean asks, List<WatchCreateRequest> requests) {}

    private final TestCluster cluster;
    private final Plan plan;
    private final List<Followed> watchers = new ArrayList<>();
    private int node;
    private WatchRecorder stream;

    /// How many responses of the stream were looked at.
    private int taken;

    private long nextId = 1;
    private int overtaken;
    private int resumedAheadOfEvents;
    private int repeatedEvents;

    /// One watcher.
    private static final class Followed {
        private final WatchCreateRequest asked;

        /// What counts, of former streams and of this one.
        private final List<WatchResponse> received = new ArrayList<>();

        private long id;
        private boolean open;

        /// Up to here it was told of everything, -1 if that isn't known.
        private long told;

        /// By the last notification, and how much had been received with it.
        private long bookmark;

        private int marked;
        private long lastEvent;

        Followed(WatchCreateRequest asked) {
            this.asked = asked;
            this.told = asked.getStartRevision() - 1;
            this.bookmark = told;
        }

        void take(WatchResponse response) {
            if (response.getWatchId() < 0 && !open) {
                // A notification for the others.
                return;
            }
            received.add(response);
            if (response.getEventsCount() > 0) {
                if (!response.getFragment()) {
                    lastEvent = response.getEventsList().getLast().getKv().getModRevision();
                    told = Math.max(told, lastEvent);
                }
                return;
            }
            if (response.getCreated()) {
                open = true;
                told = told < 0 ? response.getHeader().getRevision() : told;
            } else if (response.getCanceled()) {
                open = false;
                told = Math.max(told, response.getCompactRevision() - 1);
            } else {
                told = Math.max(told, response.getHeader().getRevision());
            }
            bookmark = told;
            marked = received.size();
        }

        /// The stream has ended. Returns how many events have to come again.
        int cut(Resume resume) {
            open = false;
            int events = 0;
            if (resume == Resume.BOOKMARK) {
                List<WatchResponse> forgotten = received.subList(marked, received.size());
                events = forgotten.stream().mapToInt(WatchResponse::getEventsCount).sum();
                forgotten.clear();
                told = bookmark;
            }
            // A response of which fragments are missing is worth nothing.
            while (!received.isEmpty() && received.getLast().getFragment()) {
                received.removeLast();
            }
            return events;
        }
    }

    WatchFollower(TestCluster cluster, int node, Plan plan) {
        this.cluster = cluster;
        this.plan = plan;
        this.node = node;
        plan.requests().forEach(request -> watchers.add(new Followed(request)));
        this.stream = open();
    }

    private WatchRecorder open() {
        WatchRecorder opened =
                plan.wantsLeader()
                        ? WatchRecorder.openWithLeader(cluster.client(node).channel())
                        : WatchRecorder.open(cluster.client(node).channel());
        taken = 0;
        watchers.forEach(watcher -> create(opened, watcher));
        return opened;
    }

    private void create(WatchRecorder on, Followed watcher) {
        watcher.id = nextId++;
        on.create(
                watcher.asked.toBuilder()
                        .setWatchId(watcher.id)
                        .setStartRevision(watcher.told + 1));
    }

    /// Looks at what came, goes on with the next node if the stream has ended, and else asks for progress.
    void follow() {
        boolean ended = stream.end() != null;
        take();
        if (!ended) {
            if (plan.asks()) {
                stream.progress();
            }
            return;
        }
        for (Followed watcher : watchers) {
            if (watcher.bookmark > watcher.lastEvent) {
                resumedAheadOfEvents++;
            }
            repeatedEvents += watcher.cut(plan.resume());
        }
        node = (node + 1) % cluster.size();
        cluster.client(node).channel().resetConnectBackoff();
        stream = open();
    }

    private void take() {
        List<WatchResponse> all = stream.responses();
        for (WatchResponse response : all.subList(taken, all.size())) {
            assertThat(response.getCreated() && response.getCanceled())
                    .as("%s", response)
                    .isFalse();
            for (Followed watcher : watchers) {
                if (response.getWatchId() == watcher.id || response.getWatchId() < 0) {
                    watcher.take(response);
                }
                if (response.getWatchId() == watcher.id && response.getCompactRevision() > 0) {
                    overtaken++;
                    create(stream, watcher);
                }
            }
        }
        taken = all.size();
    }

    /// Whether all watchers were told of everything up to that revision.
    boolean isToldUpTo(long revision) {
        follow();
        return watchers.stream().allMatch(watcher -> watcher.told >= revision);
    }

    /// Waits for that.
    void awaitToldUpTo(long revision) {
        stream.await("all is told up to " + revision, _ -> isToldUpTo(revision));
    }

    /// Waits until the event of that revision has come, without asking for progress.
    void awaitEvent(long revision) {
        stream.await(
                "the event at " + revision,
                r ->
                        r.responses().stream()
                                .flatMap(response -> response.getEventsList().stream())
                                .anyMatch(event -> event.getKv().getModRevision() == revision));
    }

    /// What each watcher received, without what it has to receive again.
    List<WatchValidator.Received> received(String name) {
        return watchers.stream()
                .map(watcher ->
                        new WatchValidator.Received(
                                "%s, watcher %d".formatted(name, watchers.indexOf(watcher)),
                                watcher.asked,
                                List.copyOf(watcher.received)))
                .toList();
    }

    int node() {
        return node;
    }

    boolean wantsLeader() {
        return plan.wantsLeader();
    }

    boolean isConnected() {
        return stream.end() == null;
    }

    /// How often compaction has ended a watcher.
    int overtaken() {
        return overtaken;
    }

    /// How often a watcher went on behind a notification that was newer than its last event.
    int resumedAheadOfEvents() {
        return resumedAheadOfEvents;
    }

    /// Events that were forgotten, since no notification had come after them.
    int repeatedEvents() {
        return repeatedEvents;
    }

    /// Whether a response came in fragments.
    boolean hadFragments() {
        return watchers.stream()
                .flatMap(watcher -> watcher.received.stream())
                .anyMatch(WatchResponse::getFragment);
    }

    @Override
    public void close() {
        stream.close();
    }
}
