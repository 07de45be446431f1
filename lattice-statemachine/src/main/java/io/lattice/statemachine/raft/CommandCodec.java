package io.lattice.statemachine.raft;

import com.google.protobuf.CodedInputStream;
import io.lattice.proto.command.CommandBatch;
import java.io.IOException;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;

/// Reads a log entry's bytes back into the batch that a gateway proposed. The bytes are Ratis' shaded ByteString,
/// the batch is made of protobuf-java's own.
final class CommandCodec {
    /// A request nests txns up to the txn limit, two messages a level, and the command and batch around it. The
    /// gateway admits by its own, lower, limit: what it admitted must never fail to parse here.
    private static final int RECURSION_LIMIT = 10_000;

    private CommandCodec() {}

    /// The parsed batch; keys and values share the entry's memory instead of being copied.
    ///
    /// @throws IOException if the entry isn't a batch: the log was written by something else, or is damaged
    static CommandBatch decode(ByteString logData) throws IOException {
        CodedInputStream in = CodedInputStream.newInstance(logData.toByteArray());
        in.enableAliasing(true);
        in.setRecursionLimit(RECURSION_LIMIT);
        CommandBatch batch = CommandBatch.parseFrom(in);
        in.checkLastTagWas(0);
        return batch;
    }
}
