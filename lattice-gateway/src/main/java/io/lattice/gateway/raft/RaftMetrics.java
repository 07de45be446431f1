package io.lattice.gateway.raft;

import io.lattice.gateway.observability.DurationHistogram;
import io.lattice.gateway.observability.LibraryMetrics;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What the Raft edge measures of itself. Any thread.
public final class RaftMetrics {
    private final RaftView view;
    private final Applications applications;

    RaftMetrics(RaftView view, Applications applications) {
        this.view = view;
        this.applications = applications;
    }

    /// How long committed entries took to be applied, up to being visible to readers.
    public DurationHistogram applies() {
        return applications.durations();
    }

    /// How long syncs of the Raft log took.
    public DurationHistogram syncs() {
        return RatisRegistries.syncs(view.memberId());
    }

    /// How often another leader took over, as far as this node heard.
    public long leaderChanges() {
        return applications.leaderChanges();
    }

    /// Log entries that another member isn't known to have; null unless this node leads, and for itself.
    ///
    /// @param raftId the member's identity
    public @Nullable Long lagEntries(String raftId) {
        if (!view.isReadyLeader() || raftId.equals(view.nodeId())) {
            return null;
        }
        Long match = RatisRegistries.matchIndex(view.memberId(), raftId);
        return match == null ? null : Math.max(0, view.lastIndex() - match);
    }

    /// Ratis' own metrics of all groups.
    public static List<LibraryMetrics> ratis() {
        return RatisRegistries.all();
    }
}
