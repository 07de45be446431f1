package io.lattice.gateway.observability;

import io.lattice.cp.cache.CacheState;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// A node as it stands at one instant: what metrics and status view show.
///
/// @param groups the Raft groups on this node, by name
/// @param tenants that they hold, the default tenant first
/// @param leases that exist, of all tenants
/// @param watchStreams that are open
public record NodeSnapshot(
        Identity identity,
        List<Group> groups,
        ControlPlane controlPlane,
        Storage storage,
        List<Tenant> tenants,
        int leases,
        int watchStreams) {

    public NodeSnapshot {
        groups = List.copyOf(groups);
        tenants = List.copyOf(tenants);
    }

    /// A Raft group.
    public record Group(String name, Consensus consensus) {}

    /// The only group, or what holds for all of several: a leader only if each has one, a listener only in all of them, sums, and of
    /// each peer the most that it lacks. Of the log, the first group's positions. Without any group there is no leader.
    public Consensus consensus() {
        if (groups.isEmpty()) {
            return Consensus.NONE;
        }
        Consensus first = groups.getFirst().consensus();
        if (groups.size() == 1) {
            return first;
        }
        List<Consensus> all = groups.stream().map(Group::consensus).toList();
        Map<String, Member> members = new TreeMap<>();
        all.forEach(consensus ->
                consensus
                        .members()
                        .forEach(member -> members.merge(member.nodeId(), member, Member::worse)));
        return new Consensus(
                all.stream().allMatch(c -> c.leader() != null) ? first.leader() : null,
                all.stream().anyMatch(Consensus::leading),
                all.stream().allMatch(Consensus::listening),
                all.stream().allMatch(Consensus::canLinearize),
                first.term(),
                first.log(),
                all.stream().mapToLong(Consensus::leaderChanges).sum(),
                all.stream().mapToInt(Consensus::pendingProposals).sum(),
                List.copyOf(members.values()));
    }

    /// Who answers.
    ///
    /// @param version of Lattice
    /// @param etcdVersion of the etcd whose behaviour is served
    /// @param drain what is known of stopping
    public record Identity(
            String cluster, String nodeId, String version, String etcdVersion, Drain drain) {}

    /// Whether the node takes calls.
    public enum Drain {
        /// It does.
        SERVING(0),
        /// It stops: no new calls, those under way finish.
        DRAINING(1),
        /// It has stopped.
        STOPPED(2);

        private final int value;

        Drain(int value) {
            this.value = value;
        }

        /// The metric's value.
        public int value() {
            return value;
        }
    }

    /// What the node knows of a Raft group.
    ///
    /// @param leader node id, null if it knows none
    /// @param listening whether the node has the data without a vote
    /// @param canLinearize whether the last look showed that linearizable reads are served
    /// @param log positions in the log
    /// @param leaderChanges leaders seen, beyond the first
    /// @param pendingProposals commands that wait to be proposed
    public record Consensus(
            @Nullable String leader,
            boolean leading,
            boolean listening,
            boolean canLinearize,
            long term,
            Log log,
            long leaderChanges,
            int pendingProposals,
            List<Member> members) {
        private static final Consensus NONE =
                new Consensus(null, false, false, false, 0, new Log(0, 0, 0, 0), 0, 0, List.of());

        public Consensus {
            members = List.copyOf(members);
        }
    }

    /// Positions in the Raft log.
    public record Log(long last, long flushed, long committed, long applied) {}

    /// A member of a group.
    ///
    /// @param listener whether it has the data and doesn't vote
    /// @param lagEntries how many entries it lacks of this node's log; null unless this node leads, and for itself
    public record Member(
            String nodeId,
            String raftAddress,
            List<String> clientUrls,
            boolean listener,
            @Nullable Long lagEntries) {
        public Member {
            clientUrls = List.copyOf(clientUrls);
        }

        private Member worse(Member other) {
            boolean less =
                    lagEntries == null
                            || (other.lagEntries != null && other.lagEntries > lagEntries);
            return less ? other : this;
        }
    }

    /// What is known of the control plane.
    ///
    /// @param ageSeconds since the manifest was last confirmed; 0 in standalone mode
    /// @param routingEpoch the default tenant's
    /// @param manifestDigest of the manifest in force
    /// @param refusing whether the control plane has a manifest that this node doesn't take
    public record ControlPlane(
            CacheState state,
            double ageSeconds,
            long routingEpoch,
            String manifestDigest,
            boolean refusing) {}

    /// The store of all tenants.
    ///
    /// @param quotaBytes 0: none
    public record Storage(long bytes, long liveBytes, long quotaBytes) {}

    /// A tenant's keyspace.
    ///
    /// @param compactionFloor the compact revision, 0 before the first compaction
    /// @param keys how many there are, as of the last count
    /// @param throttled calls refused since the start because the tenant was over its quota
    public record Tenant(
            String name, long revision, long compactionFloor, long keys, long throttled) {}
}
