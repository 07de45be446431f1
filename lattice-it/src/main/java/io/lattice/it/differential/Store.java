package io.lattice.it.differential;

import com.google.protobuf.Message;
import java.util.concurrent.CompletableFuture;

/// A server or cluster under comparison.
public interface Store {
    /// What it is called in reports.
    String name();

    /// How many members take requests.
    int members();

    /// Sends a request with plain revisions to one member; never completes exceptionally.
    CompletableFuture<Reply> send(int member, Call call, Message request);
}
