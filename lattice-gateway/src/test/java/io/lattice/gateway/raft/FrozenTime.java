package io.lattice.gateway.raft;

import java.util.ArrayList;
import java.util.List;

/// Stands still unless told.
final class FrozenTime implements ReadFence.Time {
    private final List<Runnable> pauses = new ArrayList<>();
    private long now = System.nanoTime();

    @Override
    public long nanos() {
        return now;
    }

    @Override
    public void later(long nanos, Runnable callback) {
        long due = now + nanos;
        pauses.add(() -> {
            now = Math.max(now, due);
            callback.run();
        });
    }

    void pass(long nanos) {
        now += nanos;
    }

    /// How many wait to be called back.
    int pauses() {
        return pauses.size();
    }

    /// Lets the first pause end.
    void endPause() {
        pauses.removeFirst().run();
    }
}
