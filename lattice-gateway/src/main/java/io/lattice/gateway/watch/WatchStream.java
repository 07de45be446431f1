package io.lattice.gateway.watch;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.proto.etcdserverpb.WatchRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.statemachine.apply.StoreUnavailableException;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.watch.CatchUp;
import io.lattice.statemachine.watch.EventBatch;
import io.lattice.statemachine.watch.HistoryReader;
import io.lattice.statemachine.watch.Subscriber;
import io.lattice.statemachine.watch.Watcher;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One Watch call with all its watchers. Everything happens on the stream's thread, in [#pump()], which sends while the
/// transport has room: first answers, then what was just applied, then what watchers that are behind have missed. When there
/// is no room nothing is taken from anywhere, so that a client that doesn't read is sent nothing and costs nothing.
///
/// Reading the history is the exception: it runs elsewhere, one pass at a time, and its result comes back to this thread.
public final class WatchStream implements StreamObserver<WatchRequest> {
    private static final Logger LOG = LoggerFactory.getLogger(WatchStream.class);

    /// The id in answers that are about no watcher.
    static final long NO_WATCHER = -1;

    /// How often a progress request tries to find nothing waiting.
    private static final int PROGRESS_ATTEMPTS = 3;

    /// Turns of [#pump()] after which other streams of the thread have theirs.
    private static final int TURNS_MAX = 256;

    private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final ServerCallStreamObserver<WatchFrame> call;
    private final WatchContext context;
    private final StreamThread thread;
    private final Consumer<WatchStream> onEnd;
    private final Subscriber subscriber;
    private final Outbox outbox;
    private final WatchRequests requests;
    private @Nullable Future<?> progressTimer;
    private @Nullable Future<?> idleTimer;
    private boolean readingHistory;
    private boolean retrying;
    private boolean pumping;
    private boolean ended;
    private long idleSinceNanos = System.nanoTime();

    private WatchStream(
            ServerCallStreamObserver<WatchFrame> call,
            WatchContext context,
            StreamThread thread,
            boolean packs,
            Consumer<WatchStream> onEnd) {
        this.call = call;
        this.context = context;
        this.thread = thread;
        this.onEnd = onEnd;
        this.subscriber =
                context.hub().subscribe(context.keyspace(), () -> thread.later(this::pump));
        this.outbox = new Outbox(call, context, subscriber::compactRevision, packs);
        this.requests = new WatchRequests(this, context, thread, subscriber, outbox);
    }

    /// Begins a stream on the event loop that calls.
    ///
    /// @param packs whether the call takes several messages as one, see [io.lattice.gateway.wire.PackedMessages]
    /// @param onEnd called once when it is over, for whatever reason
    public static WatchStream open(
            ServerCallStreamObserver<WatchFrame> call,
            WatchContext context,
            boolean packs,
            Consumer<WatchStream> onEnd) {
        WatchStream stream = new WatchStream(call, context, StreamThread.current(), packs, onEnd);
        StreamThread thread = stream.thread;
        call.setOnCancelHandler(() -> thread.run(stream::release));
        call.setOnReadyHandler(() -> thread.run(stream::pump));
        call.disableAutoRequest();
        call.request(1);
        stream.scheduleProgress();
        stream.scheduleIdleCheck(context.limits().idleTimeout().get().toNanos());
        return stream;
    }

    @Override
    public void onNext(WatchRequest request) {
        thread.run(() -> {
            if (!ended) {
                guarded(() -> requests.add(request));
                pump();
            }
        });
    }

    @Override
    public void onError(Throwable error) {
        thread.run(this::release);
    }

    /// The client will ask for nothing more; its watchers stay.
    @Override
    public void onCompleted() {
        LOG.trace("a watch client closed its side");
    }

    /// Asks for the next request.
    void requestMore() {
        call.request(1);
    }

    /// Sends what there is and room for.
    void pump() {
        if (ended || pumping) {
            return;
        }
        pumping = true;
        guarded(() -> {
            int turns = 0;
            while (!ended && call.isReady() && turn()) {
                turns++;
                if (turns == TURNS_MAX) {
                    thread.later(this::pump);
                    return;
                }
            }
            requests.resume();
        });
        pumping = false;
    }

    private void guarded(Runnable part) {
        try {
            part.run();
        } catch (StoreUnavailableException e) {
            LOG.debug("the store is being replaced; a watch stream waits for it");
            retrySoon();
        } catch (RuntimeException e) {
            LOG.error("a watch stream failed", e);
            end(Status.INTERNAL.withDescription("lattice: internal error: " + e));
        }
    }

    /// Does a bit of what there is to do; false if there is nothing, or nothing before something else happens.
    private boolean turn() {
        if (!outbox.isEmpty()) {
            outbox.send();
            return true;
        }
        enqueue(subscriber.take());
        if (outbox.isEmpty() && !readingHistory && subscriber.isBehind()) {
            enqueue(subscriber.catchUpFromRecent());
            tellExpired();
            if (outbox.isEmpty()) {
                readHistory();
            }
            return !readingHistory || !outbox.isEmpty();
        }
        return !outbox.isEmpty();
    }

    private void enqueue(List<EventBatch> batches) {
        for (EventBatch batch : batches) {
            Watch watch = requests.watch(batch.watcher());
            if (watch != null) {
                outbox.add(watch, batch);
            }
        }
    }

    private void tellExpired() {
        for (Watcher watcher : subscriber.takeExpired()) {
            noteWatchersLeft();
            // As in etcd: a header without a revision, and no reason.
            ResponseHeader header =
                    context.header().apply(subscriber.revision()).toBuilder()
                            .clearRevision()
                            .build();
            outbox.answer(
                    WatchResponse.newBuilder()
                            .setHeader(header)
                            .setWatchId(watcher.id())
                            .setCanceled(true)
                            .setCompactRevision(subscriber.compactRevision())
                            .build());
        }
    }

    private void readHistory() {
        CatchUp catchUp = subscriber.catchUpFromHistory();
        tellExpired();
        if (catchUp == null) {
            return;
        }
        readingHistory = true;
        context.history()
                .execute(() -> {
                    CatchUp.Result result = null;
                    try (ReadView view = context.views().get()) {
                        result = HistoryReader.read(view, catchUp);
                    } catch (StoreUnavailableException e) {
                        LOG.debug("the store is being replaced while a watch reads its history");
                    } catch (RuntimeException e) {
                        thread.later(() -> failed(e));
                        return;
                    }
                    CatchUp.Result found = result;
                    thread.later(() -> historyRead(found));
                });
    }

    private void failed(RuntimeException e) {
        LOG.error("the history for a watch can't be read", e);
        end(Status.INTERNAL.withDescription("lattice: internal error: " + e));
    }

    private void historyRead(CatchUp.@Nullable Result result) {
        readingHistory = false;
        if (ended) {
            return;
        }
        if (result == null) {
            retrySoon();
            return;
        }
        subscriber.complete(result);
        tellExpired();
        enqueue(result.batches());
        pump();
    }

    private void retrySoon() {
        if (!retrying && !ended) {
            retrying = true;
            Future<?> _ =
                    thread.schedule(
                            () -> {
                                retrying = false;
                                pump();
                            },
                            RETRY_NANOS);
        }
    }

    /// Answers a manual progress request if all watchers have been sent everything, and drops it otherwise. As a progress
    /// notification promises, nothing at or below its revision follows it.
    void progress() {
        guarded(() -> {
            for (int attempt = 0; attempt < PROGRESS_ATTEMPTS && drained(); attempt++) {
                OptionalLong revision = subscriber.inStepRevision();
                if (revision.isPresent()) {
                    outbox.answer(progressAt(NO_WATCHER, revision.getAsLong()));
                    return;
                }
            }
        });
    }

    /// Sends what waits, and tells whether that was all.
    private boolean drained() {
        while (call.isReady()) {
            while (!outbox.isEmpty()) {
                if (!call.isReady()) {
                    return false;
                }
                outbox.send();
            }
            List<EventBatch> taken = subscriber.take();
            if (taken.isEmpty()) {
                return !readingHistory && subscriber.watchers() > 0;
            }
            enqueue(taken);
        }
        return false;
    }

    private WatchResponse progressAt(long id, long revision) {
        return WatchResponse.newBuilder()
                .setHeader(context.header().apply(revision))
                .setWatchId(id)
                .build();
    }

    private void scheduleProgress() {
        long interval = context.limits().progressInterval().toNanos();
        long jitter = ThreadLocalRandom.current().nextLong(Math.max(1, interval / 10));
        progressTimer = thread.schedule(this::notifyProgress, interval + jitter);
    }

    private void notifyProgress() {
        if (ended) {
            return;
        }
        pump();
        guarded(() -> {
            boolean drained = !ended && drained();
            for (Watch watch : requests.watches()) {
                if (watch.takeDue() && drained) {
                    subscriber
                            .inStepRevision(watch.watcher())
                            .ifPresent(revision ->
                                    outbox.answer(progressAt(watch.watcher().id(), revision)));
                }
            }
        });
        if (!ended) {
            scheduleProgress();
            pump();
        }
    }

    /// A watcher came.
    void noteWatcher() {
        idleSinceNanos = System.nanoTime();
    }

    /// A watcher went.
    void noteWatchersLeft() {
        idleSinceNanos = System.nanoTime();
    }

    private void scheduleIdleCheck(long nanos) {
        idleTimer = thread.schedule(this::checkIdle, nanos);
    }

    private void checkIdle() {
        if (ended) {
            return;
        }
        long timeout = context.limits().idleTimeout().get().toNanos();
        long left =
                subscriber.watchers() > 0
                        ? timeout
                        : timeout - (System.nanoTime() - idleSinceNanos);
        if (left > 0) {
            scheduleIdleCheck(left);
            return;
        }
        end(
                Status.UNAVAILABLE.withDescription(
                        "lattice: the watch stream had no watcher for "
                                + TimeUnit.NANOSECONDS.toMillis(timeout)
                                + " ms"));
    }

    /// Ends the stream with an error. Any thread.
    public void cutOff(Status status) {
        thread.run(() -> end(status));
    }

    /// Stream's thread only.
    void end(Status status) {
        end(status.asRuntimeException());
    }

    /// Stream's thread only.
    void end(StatusRuntimeException failure) {
        if (!ended) {
            release();
            call.onError(failure);
        }
    }

    private void release() {
        if (ended) {
            return;
        }
        ended = true;
        cancel(progressTimer);
        cancel(idleTimer);
        outbox.clear();
        requests.clear();
        subscriber.close();
        onEnd.accept(this);
    }

    private static void cancel(@Nullable Future<?> timer) {
        if (timer != null) {
            timer.cancel(false);
        }
    }
}
