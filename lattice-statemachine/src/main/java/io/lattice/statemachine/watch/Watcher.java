package io.lattice.statemachine.watch;

import io.lattice.statemachine.mvcc.Change;
import io.lattice.statemachine.mvcc.KeyRange;

/// One watch of a range. Belongs to the thread of its [Subscriber]'s stream.
public final class Watcher {
    private final Spec spec;
    private final long createdAt;
    private long next;
    private boolean inStep;
    private boolean open = true;

    /// What is asked for.
    ///
    /// @param id the stream's name for it
    /// @param range not empty
    /// @param startRevision the first revision of interest, 0 for what comes next; not negative
    /// @param wantsPrevious whether events shall come with the record before them
    /// @param skipsPuts leave out puts
    /// @param skipsDeletions leave out deletions
    public record Spec(
            long id,
            KeyRange range,
            long startRevision,
            boolean wantsPrevious,
            boolean skipsPuts,
            boolean skipsDeletions) {
        public Spec {
            if (startRevision < 0 || range.isEmpty()) {
                throw new IllegalArgumentException("a watch needs a range and a revision >= 0");
            }
        }
    }

    /// @param createdAt the newest revision when it was made
    Watcher(Spec spec, long createdAt) {
        this.spec = spec;
        this.createdAt = createdAt;
        this.next = spec.startRevision() == 0 ? createdAt + 1 : spec.startRevision();
    }

    public long id() {
        return spec.id();
    }

    public KeyRange range() {
        return spec.range();
    }

    /// The first revision asked for, 0 if it was to begin with what comes next.
    public long startRevision() {
        return spec.startRevision();
    }

    public boolean wantsPrevious() {
        return spec.wantsPrevious();
    }

    /// The newest revision when it was made. One that was to begin with what comes next gets exactly what is newer.
    public long createdAt() {
        return createdAt;
    }

    /// False once it was cancelled or overtaken by compaction: nothing may be sent for it any more.
    public boolean isOpen() {
        return open;
    }

    /// Whether it gets changes as they are applied, rather than being brought up from the past.
    public boolean isInStep() {
        return inStep;
    }

    /// The lowest revision that it may be told of.
    long next() {
        return next;
    }

    void movedTo(long revision) {
        next = Math.max(next, revision);
    }

    void joined() {
        inStep = true;
    }

    void closed() {
        open = false;
    }

    boolean wants(Change change) {
        return change.isDeletion() ? !spec.skipsDeletions() : !spec.skipsPuts();
    }

    boolean filters() {
        return spec.skipsPuts() || spec.skipsDeletions();
    }
}
