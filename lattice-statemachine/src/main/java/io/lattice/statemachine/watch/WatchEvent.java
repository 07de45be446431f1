package io.lattice.statemachine.watch;

import io.lattice.proto.mvccpb.Event;
import io.lattice.proto.mvccpb.KeyValue;
import io.lattice.statemachine.mvcc.Change;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.mvcc.RecordCodec;
import org.jspecify.annotations.Nullable;

/// A change as all streams that tell of it share it: encoded by the first one that needs it, and the previous record is
/// kept once it was read. Any thread.
public final class WatchEvent {
    /// What an event takes besides its bytes: this object, the change, array headers, its places in queues.
    private static final int OVERHEAD_BYTES = 160;

    private static final byte[] NOTHING = new byte[0];

    private final Change change;
    private byte @Nullable [] encoded;
    private byte @Nullable [] previous;
    private @Nullable RecentEvents charged;
    private int chargedBytes;

    WatchEvent(Change change) {
        this.change = change;
    }

    /// What happened.
    public Change change() {
        return change;
    }

    /// The main revision at which it happened.
    public long revision() {
        return change.revision();
    }

    /// The encoded `mvccpb.Event` without the previous record. Not to be modified.
    public synchronized byte[] encoded() {
        if (encoded == null) {
            encoded = Event.newBuilder().setType(type()).setKv(keyValue()).build().toByteArray();
            charge(encoded.length);
        }
        return encoded;
    }

    private Event.EventType type() {
        return change.isDeletion() ? Event.EventType.DELETE : Event.EventType.PUT;
    }

    private KeyValue keyValue() {
        return change.isDeletion()
                ? KeyValue.newBuilder()
                        .setKey(change.userKey())
                        .setModRevision(change.revision())
                        .build()
                : RecordCodec.toKeyValue(change.key(), change.record());
    }

    /// What follows [#encoded()] in the encoding of an event with `prev_kv`; empty if there was no record before the event's
    /// revision, or that revision is compacted. Not to be modified.
    ///
    /// @param view a view that shows the event
    public byte[] previous(ReadView view) {
        if (knowsPrevious()) {
            return previous();
        }
        // Not under the monitor, which the hub takes under its lock. Two threads may read the same.
        byte[] record = view.recordBefore(change);
        byte[] read =
                record == null
                        ? NOTHING
                        : Event.newBuilder()
                                .setPrevKv(RecordCodec.toKeyValue(change.key(), record))
                                .build()
                                .toByteArray();
        return keep(read);
    }

    private synchronized byte[] keep(byte[] read) {
        if (previous == null) {
            previous = read;
            charge(read.length);
        }
        return previous;
    }

    /// [#previous(ReadView)], for when [#knowsPrevious()].
    public synchronized byte[] previous() {
        if (previous == null) {
            if (!change.isCreation()) {
                throw new IllegalStateException("the previous record was not read");
            }
            previous = NOTHING;
        }
        return previous;
    }

    /// Whether [#previous(ReadView)] needs no view any more.
    public synchronized boolean knowsPrevious() {
        return previous != null || change.isCreation();
    }

    /// What it takes in memory before anything is encoded, bytes.
    int weight() {
        return OVERHEAD_BYTES + change.bytes();
    }

    /// From here on it counts in `events`, and what is encoded later too.
    synchronized void enter(RecentEvents events) {
        charged = events;
        chargedBytes = weight();
        events.charge(chargedBytes);
    }

    /// It is no longer kept there.
    synchronized void leave() {
        if (charged != null) {
            charged.charge(-chargedBytes);
            charged = null;
        }
    }

    private void charge(int bytes) {
        if (charged != null) {
            chargedBytes += bytes;
            charged.charge(bytes);
        }
    }
}
