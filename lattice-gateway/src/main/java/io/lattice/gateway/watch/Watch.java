package io.lattice.gateway.watch;

import io.lattice.statemachine.watch.Watcher;

/// A watcher as its stream knows it. Belongs to the stream's thread.
final class Watch {
    private final Watcher watcher;
    private final boolean fragments;
    private final boolean notifies;
    private boolean due = true;

    /// @param fragments whether responses may be split
    /// @param notifies whether the client wants to hear of it when nothing happens
    Watch(Watcher watcher, boolean fragments, boolean notifies) {
        this.watcher = watcher;
        this.fragments = fragments;
        this.notifies = notifies;
    }

    Watcher watcher() {
        return watcher;
    }

    boolean wantsFragments() {
        return fragments;
    }

    /// The next notification is left out.
    void hadEvents() {
        due = false;
    }

    /// Asked once an interval: whether a notification is due.
    boolean takeDue() {
        boolean was = due;
        due = true;
        return was && notifies && watcher.isOpen();
    }
}
