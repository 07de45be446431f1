package io.lattice.gateway.cli;

import java.util.ArrayList;
import java.util.List;

/// A process that only notes what would happen to it.
final class FakeProcess implements HostProcess {
    private final List<Runnable> actions = new ArrayList<>();
    private final List<Integer> statuses = new ArrayList<>();

    @Override
    public synchronized void onShutdown(Runnable action) {
        actions.add(action);
    }

    @Override
    public synchronized void halt(int status) {
        statuses.add(status);
    }

    /// What the runtime does on SIGTERM.
    void signal() {
        List<Runnable> running;
        synchronized (this) {
            running = List.copyOf(actions);
        }
        running.forEach(Runnable::run);
    }

    /// The statuses with which the process was ended; one in a real process.
    synchronized List<Integer> statuses() {
        return List.copyOf(statuses);
    }
}
