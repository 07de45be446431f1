package io.lattice.gateway.raft;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import org.apache.ratis.proto.RaftProtos.FollowerInfoProto;
import org.apache.ratis.proto.RaftProtos.RaftPeerRole;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.server.DivisionInfo;
import org.apache.ratis.server.RaftConfiguration;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.jspecify.annotations.Nullable;

/// What can be read of a division at any time, without a lock. Thread-safe.
public final class RaftView implements Standing {
    private final RaftServer.Division division;
    private final String nodeId;
    private final long silentMsMax;

    /// @param electionTimeoutMax how long a listener may hear nothing of a leader
    RaftView(RaftServer.Division division, Duration electionTimeoutMax) {
        this.division = division;
        this.nodeId = division.getId().toString();
        this.silentMsMax = electionTimeoutMax.toMillis();
    }

    /// This node's own name.
    @Override
    public String nodeId() {
        return nodeId;
    }

    /// This node and its group, as Ratis' metrics call them.
    String memberId() {
        return division.getMemberId().toString();
    }

    /// The newest term that this node has promised to; 0 before it runs.
    @Override
    public long term() {
        return division.getInfo().getCurrentTerm();
    }

    /// Whether this node leads and has applied everything of earlier terms. It may have been superseded without
    /// knowing: only the read fence can tell.
    @Override
    public boolean isReadyLeader() {
        DivisionInfo info = division.getInfo();
        return info.isLeader() && info.isLeaderReady();
    }

    /// Whether this node leads, perhaps without being ready.
    boolean leads() {
        return division.getInfo().isLeader();
    }

    /// The leader as far as this node knows, or null.
    @Override
    public @Nullable String leader() {
        var leader = division.getInfo().getLeaderId();
        return leader == null || isForsaken() ? null : leader.toString();
    }

    /// A follower forgets a leader that falls silent when it stands for election. A listener never does, so Ratis goes on naming it.
    private boolean isForsaken() {
        DivisionInfo info = division.getInfo();
        if (!hasListenersRole()) {
            return false;
        }
        FollowerInfoProto heard = info.getRoleInfoProto().getFollowerInfo();
        long silentMs = heard.getLeaderInfo().getLastRpcElapsedTimeMs();
        // What comes from a leader and takes long is no silence. But Ratis also counts what it has
        // dropped.
        return silentMs > AppendsInTurn.FORGOTTEN.toMillis()
                || (silentMs > silentMsMax && heard.getOutstandingOp() == 0);
    }

    /// Whether this node is a voter, or is becoming or was one while the configuration changes.
    boolean isVoter() {
        return voters().contains(nodeId);
    }

    /// Whether this node is a member of the group that has the data and doesn't vote.
    public boolean isListener() {
        return listeners().contains(nodeId);
    }

    /// Whether that is committed.
    boolean isCommittedListener() {
        return isListener() && isInForce(division.getRaftConf());
    }

    /// Whether a configuration is committed, and no change of it is under way.
    boolean isInForce(RaftConfiguration configuration) {
        return Members.areSettled(configuration)
                && configuration.getLogEntryIndex() <= committedIndex();
    }

    /// Whether Ratis has this node neither vote nor stand for election.
    public boolean hasListenersRole() {
        return division.getInfo().getCurrentRole() == RaftPeerRole.LISTENER;
    }

    @Override
    public long committedIndex() {
        return division.getRaftLog().getLastCommittedIndex();
    }

    public long appliedIndex() {
        return division.getInfo().getLastAppliedIndex();
    }

    /// Last index in this node's log, or -1.
    public long lastIndex() {
        TermIndex last = division.getRaftLog().getLastEntryTermIndex();
        return last == null ? -1 : last.getIndex();
    }

    /// Last index that this node has on disk.
    public long flushedIndex() {
        return division.getRaftLog().getFlushIndex();
    }

    /// First index in this node's log.
    public long startIndex() {
        return division.getRaftLog().getStartIndex();
    }

    /// The voters of now, one set, or two of which each needs a majority while the configuration changes.
    @Override
    public Voters voters() {
        RaftConfiguration configuration = division.getRaftConf();
        Collection<RaftPeer> previous = configuration.getPreviousPeers();
        return new Voters(ids(configuration.getCurrentPeers()), ids(previous));
    }

    /// Those that have the data and don't vote; while one goes, it is still among them.
    List<String> listeners() {
        return ids(division.getRaftConf().getAllPeers(RaftPeerRole.LISTENER));
    }

    private static List<String> ids(Collection<RaftPeer> peers) {
        return peers.stream().map(p -> p.getId().toString()).toList();
    }

    /// The sets of voters of which each needs a majority.
    ///
    /// @param previous empty but for a joint configuration
    public record Voters(List<String> current, List<String> previous) {
        boolean contains(String voter) {
            return current.contains(voter) || previous.contains(voter);
        }

        boolean isMajority(Collection<String> confirmed) {
            return isMajorityOf(current, confirmed)
                    && (previous.isEmpty() || isMajorityOf(previous, confirmed));
        }

        private static boolean isMajorityOf(List<String> voters, Collection<String> confirmed) {
            int count = 0;
            for (String voter : voters) {
                if (confirmed.contains(voter)) {
                    count++;
                }
            }
            return count > voters.size() / 2;
        }
    }
}
