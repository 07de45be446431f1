package io.lattice.gateway.raft;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// A place in a group that the test decides: n1, at first the leader of n1, n2, n3 in term 5 with 10 entries committed.
final class FakeStanding implements Standing {
    static final String SELF = "n1";

    private volatile long term = 5;
    private volatile boolean readyLeader = true;
    private volatile @Nullable String leader = SELF;
    private volatile long committed = 10;
    private volatile RaftView.Voters voters =
            new RaftView.Voters(List.of(SELF, "n2", "n3"), List.of());
    private volatile Runnable afterRole = () -> {};

    void leads(long newTerm) {
        term = newTerm;
        leader = SELF;
        readyLeader = true;
    }

    void follows(@Nullable String newLeader, long newTerm) {
        term = newTerm;
        leader = newLeader;
        readyLeader = false;
    }

    /// Another term, of which this node has not drawn the consequences yet.
    void hearsOfTerm(long newTerm) {
        term = newTerm;
    }

    void commits(long index) {
        committed = index;
    }

    void configures(List<String> current, List<String> previous) {
        voters = new RaftView.Voters(current, previous);
    }

    /// Something that happens right after somebody has asked for the role.
    void afterRole(Runnable event) {
        afterRole = event;
    }

    @Override
    public String nodeId() {
        return SELF;
    }

    @Override
    public long term() {
        return term;
    }

    @Override
    public boolean isReadyLeader() {
        boolean answer = readyLeader;
        afterRole.run();
        return answer;
    }

    @Override
    public @Nullable String leader() {
        return leader;
    }

    @Override
    public long committedIndex() {
        return committed;
    }

    @Override
    public RaftView.Voters voters() {
        return voters;
    }
}
