package io.lattice.gateway.watch;

import com.google.protobuf.ByteString;
import io.lattice.proto.etcdserverpb.WatchCancelRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest.FilterType;
import io.lattice.proto.etcdserverpb.WatchRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.statemachine.mvcc.KeyRange;
import io.lattice.statemachine.watch.Subscriber;
import io.lattice.statemachine.watch.Watcher;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a client asked for on a stream, served in order. A watch that is to begin now waits until this node is known to have
/// applied everything acknowledged before it was asked for; what comes after it waits behind it, and one wait serves all that
/// had come when it began. When too much waits, no further request is read. Belongs to the stream's thread.
final class WatchRequests {
    /// Requests that may wait for the fence.
    private static final int WAITING_MAX = 1_024;

    /// Answers that may wait for the client.
    private static final int ANSWERS_MAX = 128;

    private static final ByteString LOWEST_KEY = ByteString.copyFrom(new byte[] {0});

    private static final String COMPACTED =
            "etcdserver: mvcc: required revision has been compacted";
    private static final String EMPTY_RANGE = "mvcc: watcher range is empty";
    private static final String DUPLICATE_ID =
            "mvcc: duplicate watch ID provided on the WatchStream";
    private static final String TOO_MANY = "etcdserver: too many requests";

    private final WatchStream stream;
    private final WatchContext context;
    private final StreamThread thread;
    private final Subscriber subscriber;
    private final Outbox outbox;
    private final ArrayDeque<WatchRequest> waiting = new ArrayDeque<>();
    private final Map<Long, Watch> watches = new HashMap<>();

    /// How many of those that wait are covered by a fence that has been passed.
    private int fenced;

    private boolean fencing;
    private boolean paused;
    private boolean closed;
    private long nextId;

    WatchRequests(
            WatchStream stream,
            WatchContext context,
            StreamThread thread,
            Subscriber subscriber,
            Outbox outbox) {
        this.stream = stream;
        this.context = context;
        this.thread = thread;
        this.subscriber = subscriber;
        this.outbox = outbox;
    }

    Collection<Watch> watches() {
        return watches.values();
    }

    @Nullable Watch watch(Watcher watcher) {
        Watch watch = watches.get(watcher.id());
        return watch != null && watch.watcher() == watcher ? watch : null;
    }

    void add(WatchRequest request) {
        waiting.add(request);
        serve();
        paused = true;
        resume();
    }

    /// Reads on if there is room again.
    void resume() {
        if (paused && !closed && waiting.size() < WAITING_MAX && outbox.answers() < ANSWERS_MAX) {
            paused = false;
            stream.requestMore();
        }
    }

    private void serve() {
        while (!waiting.isEmpty() && !closed) {
            if (fenced == 0 && beginsNow(waiting.getFirst())) {
                awaitFence();
                return;
            }
            serve(waiting.removeFirst());
            fenced = Math.max(0, fenced - 1);
        }
    }

    private static boolean beginsNow(WatchRequest request) {
        return request.hasCreateRequest() && request.getCreateRequest().getStartRevision() == 0;
    }

    private void awaitFence() {
        if (fencing) {
            return;
        }
        fencing = true;
        int covered = waiting.size();
        context.fence()
                .await(
                        () -> thread.later(() -> passed(covered)),
                        failure -> thread.later(() -> stream.end(failure)));
    }

    private void passed(int covered) {
        if (closed) {
            return;
        }
        fencing = false;
        fenced = covered;
        serve();
        stream.pump();
    }

    private void serve(WatchRequest request) {
        switch (request.getRequestUnionCase()) {
            case CREATE_REQUEST -> create(request.getCreateRequest());
            case CANCEL_REQUEST -> cancel(request.getCancelRequest());
            case PROGRESS_REQUEST -> stream.progress();
            case REQUESTUNION_NOT_SET -> {
                // etcd ignores a request of a kind that it doesn't know, and so do we.
            }
        }
    }

    /// The order of the checks is etcd's.
    private void create(WatchCreateRequest request) {
        if (request.getStartRevision() < 0) {
            refuse(COMPACTED);
            return;
        }
        ByteString key = request.getKey().isEmpty() ? LOWEST_KEY : request.getKey();
        KeyRange range = KeyRange.of(context.keyspace(), key, request.getRangeEnd());
        if (range.isEmpty()) {
            refuse(EMPTY_RANGE);
            return;
        }
        long id = request.getWatchId();
        if (id != 0 && watches.containsKey(id)) {
            refuse(DUPLICATE_ID);
            return;
        }
        if (watches.size() >= context.limits().watchersPerStream()) {
            refuse(TOO_MANY);
            return;
        }
        if (id == 0) {
            id = freeId();
        }
        Watcher watcher =
                subscriber.watch(
                        new Watcher.Spec(
                                id,
                                range,
                                request.getStartRevision(),
                                request.getPrevKv(),
                                request.getFiltersList().contains(FilterType.NOPUT),
                                request.getFiltersList().contains(FilterType.NODELETE)));
        watches.put(id, new Watch(watcher, request.getFragment(), request.getProgressNotify()));
        stream.noteWatcher();
        outbox.answer(
                WatchResponse.newBuilder()
                        .setHeader(context.header().apply(watcher.createdAt()))
                        .setWatchId(id)
                        .setCreated(true)
                        .build());
    }

    private long freeId() {
        while (watches.containsKey(nextId)) {
            nextId++;
        }
        return nextId++;
    }

    private void refuse(String reason) {
        outbox.answer(
                WatchResponse.newBuilder()
                        .setHeader(context.header().apply(subscriber.revision()))
                        .setWatchId(WatchStream.NO_WATCHER)
                        .setCreated(true)
                        .setCanceled(true)
                        .setCancelReason(reason)
                        .build());
    }

    /// One that compaction has ended is still there to be cancelled, as in etcd.
    private void cancel(WatchCancelRequest request) {
        Watch watch = watches.remove(request.getWatchId());
        if (watch == null) {
            return;
        }
        subscriber.cancel(watch.watcher());
        stream.noteWatchersLeft();
        outbox.answer(
                WatchResponse.newBuilder()
                        .setHeader(context.header().apply(subscriber.revision()))
                        .setWatchId(request.getWatchId())
                        .setCanceled(true)
                        .build());
    }

    void clear() {
        closed = true;
        waiting.clear();
        watches.clear();
    }
}
