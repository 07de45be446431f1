package io.lattice.statemachine.raft;

import io.lattice.proto.command.CommandBatch;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.thirdparty.com.google.protobuf.UnsafeByteOperations;

/// A batch on its way into the log of this process' own division: the encoded entry, the parsed form so that the
/// leader need not parse what it has just encoded, and whether Ratis may have appended it.
public final class BatchMessage implements Message {
    private static final long NOT_APPENDED = -1;

    private final CommandBatch batch;
    private final ByteString content;
    private volatile long appendTerm = NOT_APPENDED;

    public BatchMessage(CommandBatch batch) {
        this.batch = batch;
        this.content = UnsafeByteOperations.unsafeWrap(batch.toByteArray());
    }

    public CommandBatch batch() {
        return batch;
    }

    @Override
    public ByteString getContent() {
        return content;
    }

    /// False proves that the batch is not in the log and never will be, once the submitting call has failed: Ratis
    /// calls `preAppendTransaction` in the same call and before any append. True proves nothing.
    public boolean appendStarted() {
        return appendTerm != NOT_APPENDED;
    }

    /// The term of the entry, if it was appended.
    public long appendTerm() {
        return appendTerm;
    }

    /// Notes that Ratis is about to append this batch in `term`.
    public void markAppendStarted(long term) {
        appendTerm = term;
    }
}
