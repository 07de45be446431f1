package io.lattice.gateway.watch;

import com.google.protobuf.CodedOutputStream;
import io.grpc.stub.ServerCallStreamObserver;
import io.lattice.gateway.wire.PackedMessages;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.watch.EventBatch;
import io.lattice.statemachine.watch.WatchEvent;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// What a stream is about to send: answers to requests, which come first, then events. Answers are bounded by the requests that
/// the stream accepts, events by what it takes from its subscriber at once. Belongs to the stream's thread.
final class Outbox {
    /// Bytes after which a packed message is sent: one HTTP/2 frame.
    private static final int PACK_BYTES_MAX = 16 << 10;

    private final ServerCallStreamObserver<WatchFrame> call;
    private final WatchContext context;
    private final LongSupplier compactRevision;
    private final boolean packs;
    private final Heads heads;
    private final ArrayDeque<WatchResponse> answers = new ArrayDeque<>();
    private final ArrayDeque<Addressed> batches = new ArrayDeque<>();
    private final ArrayDeque<WatchFrame> fragments = new ArrayDeque<>();

    private record Addressed(Watch watch, EventBatch batch) {}

    /// @param compactRevision of the keyspace now: records before it are gone
    /// @param packs whether several messages may be sent as one
    Outbox(
            ServerCallStreamObserver<WatchFrame> call,
            WatchContext context,
            LongSupplier compactRevision,
            boolean packs) {
        this.compactRevision = compactRevision;
        this.call = call;
        this.context = context;
        this.packs = packs;
        this.heads = new Heads(context);
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

    /// Sends what fits one write, for which the transport has room.
    ///
    /// @throws io.lattice.statemachine.apply.StoreUnavailableException if a previous record can't be read now; nothing is lost
    void send() {
        List<WatchFrame> frames = new ArrayList<>();
        int bytes = 0;
        heads.forget();
        try {
            do {
                WatchFrame frame = next();
                if (frame != null) {
                    bytes += PackedMessages.FRAME_HEADER_BYTES + frame.length();
                    if (bytes > PACK_BYTES_MAX && !frames.isEmpty()) {
                        WatchFrame.send(frames, call::onNext);
                        frames.clear();
                    }
                    frames.add(frame);
                }
            } while (packs && bytes < PACK_BYTES_MAX && !isEmpty());
        } finally {
            if (!frames.isEmpty()) {
                WatchFrame.send(frames, call::onNext);
            }
        }
    }

    /// Takes the next message; null if it is for nobody any more.
    private @Nullable WatchFrame next() {
        if (!fragments.isEmpty()) {
            // Between two fragments of a response nothing may come.
            return fragments.remove();
        }
        if (!answers.isEmpty()) {
            return WatchFrame.of(answers.remove());
        }
        Addressed next = batches.getFirst();
        WatchFrame frame = next.watch.watcher().isOpen() ? frame(next) : null;
        batches.removeFirst();
        return frame;
    }

    private WatchFrame frame(Addressed next) {
        EventBatch batch = next.batch;
        long previousAbove = Long.MAX_VALUE;
        if (next.watch.watcher().wantsPrevious()) {
            readPrevious(batch.events());
            // As in etcd, even if another watcher's event still has it.
            previousAbove = compactRevision.getAsLong();
        }
        next.watch.hadEvents();
        long id = next.watch.watcher().id();
        if (next.watch.wantsFragments() && batch.events().size() > 1) {
            WatchResponse head =
                    WatchResponse.newBuilder()
                            .setHeader(context.header().apply(batch.revision()))
                            .setWatchId(id)
                            .build();
            fragment(head, batch.events(), previousAbove);
            return fragments.remove();
        }
        return WatchFrame.of(heads.of(batch.revision(), id), batch.events(), previousAbove);
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
    private void fragment(WatchResponse head, List<WatchEvent> events, long previousAbove) {
        int limit = context.limits().responseBytes();
        long total = head.getSerializedSize();
        for (WatchEvent event : events) {
            total += WatchFrame.sizeOf(event, previousAbove);
        }
        if (total < limit) {
            fragments.add(WatchFrame.of(head, events, previousAbove));
            return;
        }
        WatchResponse more = head.toBuilder().setFragment(true).build();
        List<WatchEvent> part = new ArrayList<>();
        long bytes = more.getSerializedSize();
        for (WatchEvent event : events) {
            int size = WatchFrame.sizeOf(event, previousAbove);
            if (!part.isEmpty() && bytes + size >= limit) {
                fragments.add(WatchFrame.of(more, part, previousAbove));
                part = new ArrayList<>();
                bytes = more.getSerializedSize();
            }
            part.add(event);
            bytes += size;
        }
        fragments.add(WatchFrame.of(head, part, previousAbove));
    }

    void clear() {
        answers.clear();
        batches.clear();
        fragments.clear();
    }

    /// Encoded responses up to their events. Those of one write to watchers of the same events differ in the id only.
    private static final class Heads {
        private static final byte HEADER_TAG = (byte) (WatchResponse.HEADER_FIELD_NUMBER << 3 | 2);
        private static final byte ID_TAG = (byte) (WatchResponse.WATCH_ID_FIELD_NUMBER << 3);

        private final WatchContext context;
        private long revision = -1;
        private byte[] header = new byte[0];

        Heads(WatchContext context) {
            this.context = context;
        }

        /// The term of the next one may be another.
        void forget() {
            revision = -1;
        }

        byte[] of(long revision, long id) {
            if (revision != this.revision) {
                header = context.header().apply(revision).toByteArray();
                this.revision = revision;
            }
            int idBytes = id == 0 ? 0 : 1 + CodedOutputStream.computeInt64SizeNoTag(id);
            byte[] head =
                    new byte
                            [1
                                    + CodedOutputStream.computeUInt32SizeNoTag(header.length)
                                    + header.length
                                    + idBytes];
            int at = 0;
            head[at++] = HEADER_TAG;
            at = WatchFrame.putVarint(head, at, header.length);
            System.arraycopy(header, 0, head, at, header.length);
            at += header.length;
            if (id != 0) {
                head[at++] = ID_TAG;
                var _ = WatchFrame.putVarint(head, at, id);
            }
            return head;
        }
    }
}
