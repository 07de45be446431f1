package io.lattice.statemachine.raft;

import io.lattice.proto.command.CommandBatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.thirdparty.com.google.protobuf.UnsafeByteOperations;

/// A batch on its way into the log of this process' own division: the encoded entry, the parsed form so that the
/// leader need not parse what it has just encoded, and whether Ratis may have appended it.
///
/// It becomes an entry of the term in which it was made, or none: a call of Ratis may hang while leadership is lost and won again, and
/// what was taken in order before would come after what has been taken since.
public final class BatchMessage implements Message {
    private static final long NOT_APPENDED = -1;
    private static final long WITHDRAWN = -2;

    private final CommandBatch batch;
    private final long term;
    private final ByteString content;

    /// The term of the entry, or one of the above.
    private final AtomicLong appended = new AtomicLong(NOT_APPENDED);

    /// @param term in which this node leads
    public BatchMessage(CommandBatch batch, long term) {
        this.batch = batch;
        this.term = term;
        this.content = UnsafeByteOperations.unsafeWrap(batch.toByteArray());
    }

    public CommandBatch batch() {
        return batch;
    }

    @Override
    public ByteString getContent() {
        return content;
    }

    /// The term of the entry if it may have been appended, else -1.
    public long appendTerm() {
        return Math.max(appended.get(), NOT_APPENDED);
    }

    /// Notes that Ratis is about to append this batch.
    ///
    /// @param now the term of the entry
    /// @return false if it must not: it is of another term, or was withdrawn
    public boolean beginAppend(long now) {
        return now == term && appended.compareAndSet(NOT_APPENDED, now);
    }

    /// Has the batch not appended any more. Ratis calls `preAppendTransaction`, and so [#beginAppend], before any append.
    ///
    /// @return true proves that it isn't in the log and never will be; false proves nothing
    public boolean withdraw() {
        return appended.compareAndSet(NOT_APPENDED, WITHDRAWN) || appended.get() == WITHDRAWN;
    }
}
