package io.lattice.gateway.grpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.proto.mvccpb.Event;
import io.lattice.statemachine.apply.Refusal;
import io.lattice.statemachine.mvcc.KeyRange;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.watch.CatchUp;
import io.lattice.statemachine.watch.EventBatch;
import io.lattice.statemachine.watch.HistoryReader;
import io.lattice.statemachine.watch.Subscriber;
import io.lattice.statemachine.watch.WatchEvent;
import io.lattice.statemachine.watch.Watcher;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;

/// A watch whose reader blocks, for services that follow a key or two. One virtual thread's.
final class KeyEvents implements AutoCloseable {
    private final RaftNode node;
    private final Semaphore woken = new Semaphore(0);
    private final Subscriber subscriber;

    /// @param rangeEnd empty for the key alone
    /// @param revision the first one of interest, more than 0
    KeyEvents(RaftNode node, int keyspace, ByteString key, ByteString rangeEnd, long revision) {
        this.node = node;
        this.subscriber = node.watches().subscribe(keyspace, woken::release);
        var _ =
                subscriber.watch(
                        new Watcher.Spec(
                                0,
                                KeyRange.of(keyspace, key, rangeEnd),
                                revision,
                                false,
                                false,
                                false));
    }

    /// Some events of whole revisions.
    ///
    /// @param revision up to which all events are in these and those before
    record Batch(List<Event> events, long revision) {}

    /// Waits for the next events.
    ///
    /// @throws io.grpc.StatusRuntimeException if what comes next is compacted
    List<Batch> next() throws InterruptedException {
        while (true) {
            List<EventBatch> batches = subscriber.take();
            if (batches.isEmpty() && subscriber.isBehind()) {
                batches = missed();
            } else if (batches.isEmpty()) {
                woken.acquire();
                woken.drainPermits();
            }
            if (!batches.isEmpty()) {
                return decoded(batches);
            }
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
        }
    }

    private List<EventBatch> missed() {
        List<EventBatch> recent = subscriber.catchUpFromRecent();
        refuseExpired();
        if (!recent.isEmpty()) {
            return recent;
        }
        CatchUp catchUp = subscriber.catchUpFromHistory();
        refuseExpired();
        if (catchUp == null) {
            return List.of();
        }
        try (ReadView view = node.store().view()) {
            CatchUp.Result result = HistoryReader.read(view, catchUp);
            subscriber.complete(result);
            refuseExpired();
            return result.batches();
        }
    }

    private void refuseExpired() {
        if (!subscriber.takeExpired().isEmpty()) {
            throw ErrorMapper.status(Refusal.COMPACTED).asRuntimeException();
        }
    }

    private static List<Batch> decoded(List<EventBatch> batches) {
        List<Batch> decoded = new ArrayList<>(batches.size());
        for (EventBatch batch : batches) {
            List<Event> events = new ArrayList<>(batch.events().size());
            for (WatchEvent event : batch.events()) {
                try {
                    events.add(Event.parseFrom(event.encoded()));
                } catch (InvalidProtocolBufferException e) {
                    throw new IllegalStateException("an event of our own can't be parsed", e);
                }
            }
            decoded.add(new Batch(events, batch.revision()));
        }
        return decoded;
    }

    @Override
    public void close() {
        subscriber.close();
    }
}
