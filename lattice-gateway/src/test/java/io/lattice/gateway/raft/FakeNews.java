package io.lattice.gateway.raft;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// Keeps what followers are to be told.
final class FakeNews implements CommitNews {
    /// Whether followers have everything on disk.
    volatile boolean stored;

    final List<String> pushed = Collections.synchronizedList(new ArrayList<>());

    @Override
    public boolean leaveToAnswer(String raftId, long index) {
        return stored;
    }

    @Override
    public void push(String raftId, long index) {
        pushed.add(raftId + " " + index);
    }

    @Override
    public void pushSoon(long index) {
        pushed.add("all " + index);
    }
}
