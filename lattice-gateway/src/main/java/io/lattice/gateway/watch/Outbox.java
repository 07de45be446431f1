package io.lattice.gateway.watch;

import io.grpc.stub.ServerCallStreamObserver;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.watch.EventBatch;
import io.lattice.statemachine.watch.WatchEvent;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/// What a stream is about to send: answers to requests, which come first, then events. Answers are bounded by the requests that
/// the stream accepts, events by what it takes from its subscriber at once. Belongs to the stream's thread.
final class Outbox {
    private final ServerCallStreamObserver<WatchFrame> call;
    private final WatchContext context;
    private final ArrayDeque<WatchResponse> answers = new ArrayDeque<>();
    private final ArrayDeque<Addressed> batches = new ArrayDeque<>();
    private final ArrayDeque<WatchFrame> fragments = new ArrayDeque<>();

    private record Addressed(Watch watch, EventBatch batch) {}

    Outbox(ServerCallStreamObserver<WatchFrame> call, WatchContext context) {
        this.call = call;
        this.context = context;
    }

    void answer(WatchResponse response) {
        answers.add(response);
    }

    void add(Watch watch, EventBatch batch) {
        batches.add(new Addressed(watch, batch));
    }

    int answers() {
        return answers.size();
    }

    boolean isEmpty() {
        return answers.isEmpty() && batches.isEmpty() && fragments.isEmpty();
    }

    /// Sends one message, for which the transport has room.
    ///
    /// @throws io.lattice.statemachine.apply.StoreUnavailableException if a previous record can't be read now; nothing is lost
    void sendOne() {
        if (!fragments.isEmpty()) {
            // Between two fragments of a response nothing may come.
            call.onNext(fragments.remove());
        } else if (!answers.isEmpty()) {
            call.onNext(WatchFrame.of(answers.remove()));
        } else {
            Addressed next = batches.getFirst();
            if (next.watch.watcher().isOpen()) {
                send(next);
            }
            batches.removeFirst();
        }
    }

    private void send(Addressed next) {
        EventBatch batch = next.batch;
        boolean withPrevious = next.watch.watcher().wantsPrevious();
        if (withPrevious) {
            readPrevious(batch.events());
        }
        next.watch.hadEvents();
        WatchResponse head =
                WatchResponse.newBuilder()
                        .setHeader(context.header().apply(batch.revision()))
                        .setWatchId(next.watch.watcher().id())
                        .build();
        if (next.watch.wantsFragments() && batch.events().size() > 1) {
            fragment(head, batch.events(), withPrevious);
            call.onNext(fragments.remove());
        } else {
            call.onNext(WatchFrame.of(head, batch.events(), withPrevious));
        }
    }

    private void readPrevious(List<WatchEvent> events) {
        if (events.stream().allMatch(WatchEvent::knowsPrevious)) {
            return;
        }
        try (ReadView view = context.views().get()) {
            events.forEach(event -> event.previous(view));
        }
    }

    /// Splits as etcd does: a response below the limit stays whole; else each part has as many events as keep it below, but
    /// at least one.
    private void fragment(WatchResponse head, List<WatchEvent> events, boolean withPrevious) {
        int limit = context.limits().responseBytes();
        long total = head.getSerializedSize();
        for (WatchEvent event : events) {
            total += WatchFrame.sizeOf(event, withPrevious);
        }
        if (total < limit) {
            fragments.add(WatchFrame.of(head, events, withPrevious));
            return;
        }
        WatchResponse more = head.toBuilder().setFragment(true).build();
        List<WatchEvent> part = new ArrayList<>();
        long bytes = more.getSerializedSize();
        for (WatchEvent event : events) {
            int size = WatchFrame.sizeOf(event, withPrevious);
            if (!part.isEmpty() && bytes + size >= limit) {
                fragments.add(WatchFrame.of(more, part, withPrevious));
                part = new ArrayList<>();
                bytes = more.getSerializedSize();
            }
            part.add(event);
            bytes += size;
        }
        fragments.add(WatchFrame.of(head, part, withPrevious));
    }

    void clear() {
        answers.clear();
        batches.clear();
        fragments.clear();
    }
}
