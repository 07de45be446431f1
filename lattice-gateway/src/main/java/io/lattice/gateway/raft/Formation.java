package io.lattice.gateway.raft;

import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import io.lattice.proto.peer.JoinReply;
import io.lattice.proto.peer.JoinRequest;
import io.lattice.proto.peer.LeaveRequest;
import io.lattice.proto.peer.PeerReply;
import io.lattice.proto.peer.PeerRequest;
import io.lattice.proto.peer.ProbeReply;
import io.lattice.proto.peer.ProbeRequest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// How a node with an empty log comes into its cluster.
///
/// A log is founded only when every configured member has said that it has none either, or when a node that has one
/// names this very identity among its founders. Otherwise this node had a disk that is gone: it joins under its new
/// identity, by way of the leader, in the place of the old one. So no node ever votes with an emptied log.
///
/// The members may change meanwhile, by a manifest. Whoever was to be one since this process began to open the group may have founded
/// it, or have its data from before, and has to say that it hasn't as well, even if it isn't to be a member any more. Until then this
/// node tells others that it would found nothing.
///
/// A listener founds nothing: it waits until there is a log, and joins. But it is asked as voters are: it may have been one, or be all
/// that is left of the data.
final class Formation {
    private static final Logger LOG = LoggerFactory.getLogger(Formation.class);
    private static final long PROBE_TIMEOUT_MS = 1_000;
    private static final long PAUSE_MS = 100;
    private static final long REPORT_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final RaftSettings settings;
    private final Supplier<GroupSettings> group;
    private final PeerSender peers;
    private final String raftId;
    private final Consumer<List<String>> agreed;
    private final BooleanSupplier stopping;
    private long reportedNanos = System.nanoTime();

    /// All that were to be members while this node waited to found the group.
    private final Set<PeerAddress> everWanted = new LinkedHashSet<>();

    /// @param group asked again and again: what the group is to be may change
    /// @param peers reaches members by their plain node id, others by "host:port"
    /// @param agreed told again and again with which voters this node would found the group; with none if it wouldn't
    Formation(
            RaftSettings settings,
            Supplier<GroupSettings> group,
            PeerSender peers,
            String raftId,
            Consumer<List<String>> agreed,
            BooleanSupplier stopping) {
        this.settings = settings;
        this.group = group;
        this.peers = peers;
        this.raftId = raftId;
        this.agreed = agreed;
        this.stopping = stopping;
    }

    /// Waits until it is clear whether this node founds a log.
    ///
    /// @return the Raft identities to found it with, or empty if this node has to [#join]
    Optional<List<String>> founders() throws InterruptedException {
        while (!stopping.getAsBoolean()) {
            // One for the whole round: the nodes that found a log have to be those that were asked.
            GroupSettings wanted = group.get();
            List<PeerAddress> others = others(wanted);
            everWanted.addAll(others);
            Map<String, ProbeReply> formed = new TreeMap<>();
            List<String> inDoubt = inDoubt(others, wanted, formed);
            boolean isWanted = ConfiguredPeers.of(wanted).address(settings.nodeId()).isPresent();
            agreed.accept(isWanted && inDoubt.isEmpty() ? wanted.voters() : List.of());
            Map<String, ProbeReply> replies = probe(others, wanted);
            replies.forEach((node, reply) -> {
                if (reply.getFormed()) {
                    formed.put(node, reply);
                }
            });
            boolean listens = wanted.listens(settings.nodeId());
            if (isWanted
                    && formed.values().stream()
                            .anyMatch(f -> listens || !f.getFoundersList().contains(raftId))) {
                LOG.info(
                        "group {} exists on {} and {} is no founder of it: joining",
                        wanted.name(),
                        formed.keySet(),
                        raftId);
                return Optional.empty();
            }
            Optional<ProbeReply> founded =
                    formed.values().stream()
                            .filter(reply -> reply.getFoundersList().contains(raftId))
                            .findFirst();
            if (founded.isPresent()) {
                return Optional.of(founded.get().getFoundersList());
            }
            if (isWanted && !listens && inDoubt.isEmpty() && replies.size() == others.size()) {
                return Optional.of(identities(wanted, replies));
            }
            if (!isWanted) {
                report(
                        "group %s isn't to be on this node any more: waiting until it is"
                                .formatted(wanted.name()));
            } else if (!inDoubt.isEmpty()) {
                report(
                        "group %s was to have %s when this node began to wait for its members, and may have data there: waiting to hear that it hasn't; restart this node to found the group without"
                                .formatted(wanted.name(), inDoubt));
            } else {
                report(
                        "waiting for %s to found group %s; answered so far: %s"
                                .formatted(
                                        listens ? "the voters" : "all nodes",
                                        wanted.name(),
                                        replies.keySet()));
            }
            TimeUnit.MILLISECONDS.sleep(PAUSE_MS);
        }
        throw new InterruptedException("stopping");
    }

    /// Asks those that were to be members before, and aren't now, whether they have the group.
    ///
    /// @param formed gets the answers of those that have founded it with this node
    /// @return those that may have it without
    private List<String> inDoubt(
            List<PeerAddress> others, GroupSettings wanted, Map<String, ProbeReply> formed)
            throws InterruptedException {
        List<String> inDoubt = new ArrayList<>();
        for (PeerAddress former : everWanted) {
            if (others.contains(former)) {
                continue;
            }
            Optional<ProbeReply> reply = probeFormer(former, wanted);
            if (reply.isPresent() && reply.get().getFoundersList().contains(raftId)) {
                formed.put(former.nodeId(), reply.get());
            } else if (reply.isEmpty() || reply.get().getFormed()) {
                inDoubt.add(former.nodeId() + " at " + former.hostPort());
            }
        }
        return inDoubt;
    }

    /// This node and the voters that answered, in order.
    private List<String> identities(GroupSettings wanted, Map<String, ProbeReply> replies) {
        List<String> all = new ArrayList<>();
        all.add(raftId);
        for (String voter : wanted.voters()) {
            ProbeReply reply = replies.get(voter);
            if (reply != null) {
                all.add(reply.getRaftId());
            }
        }
        all.sort(null);
        return all;
    }

    /// Asks each node once whether this one, which has a log, was taken out of the group for good. Without a leader that can prove to be
    /// one, nobody says so.
    boolean isGone() throws InterruptedException {
        for (String other : otherIds(group.get())) {
            PeerRequest.Builder request =
                    PeerRequest.newBuilder().setLeave(LeaveRequest.newBuilder().setRaftId(raftId));
            Optional<PeerReply> reply = ask(other, request);
            if (reply.isPresent() && reply.get().getLeave().getGone()) {
                return true;
            }
        }
        return false;
    }

    /// Asks for membership until `member` says that this node has it.
    void join(BooleanSupplier member) throws InterruptedException {
        while (!member.getAsBoolean() && !stopping.getAsBoolean()) {
            String reason = "no node answered";
            GroupSettings wanted = group.get();
            for (String other : otherIds(wanted)) {
                PeerRequest.Builder request =
                        PeerRequest.newBuilder()
                                .setJoin(
                                        JoinRequest.newBuilder()
                                                .setRaftId(raftId)
                                                .setListener(wanted.listens(settings.nodeId())));
                Optional<PeerReply> reply = ask(other, request);
                if (reply.isPresent()) {
                    JoinReply join = reply.get().getJoin();
                    reason = other + ": " + join.getReason();
                    if (join.getAccepted()) {
                        awaitMember(member);
                        break;
                    }
                }
            }
            report("asking to join group %s: %s".formatted(wanted.name(), reason));
            TimeUnit.MILLISECONDS.sleep(PAUSE_MS);
        }
    }

    /// Waits a while for an accepted join to happen: it takes as long as a snapshot.
    private void awaitMember(BooleanSupplier member) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!member.getAsBoolean()
                && !stopping.getAsBoolean()
                && System.nanoTime() - deadline < 0) {
            TimeUnit.MILLISECONDS.sleep(PAUSE_MS);
        }
    }

    /// The members but for this node, voters first. Whoever is to be a listener may lead the group until it is one.
    private List<PeerAddress> others(GroupSettings wanted) {
        return wanted.members().stream()
                .filter(member -> !member.nodeId().equals(settings.nodeId()))
                .toList();
    }

    private List<String> otherIds(GroupSettings wanted) {
        return others(wanted).stream().map(PeerAddress::nodeId).toList();
    }

    private Map<String, ProbeReply> probe(List<PeerAddress> others, GroupSettings wanted)
            throws InterruptedException {
        Map<String, ProbeReply> replies = new HashMap<>();
        for (PeerAddress other : others) {
            Optional<ProbeReply> reply = probe(other.nodeId(), other);
            if (reply.isEmpty()) {
                continue;
            }
            ProbeReply probe = reply.get();
            if (!probe.getFormed() && !probe.getVotersList().equals(wanted.voters())) {
                report(
                        probe.getVotersList().isEmpty()
                                ? "%s isn't ready to found group %s"
                                        .formatted(other.nodeId(), wanted.name())
                                : "%s is configured for other voters of group %s: its are %s, ours %s"
                                        .formatted(
                                                other.nodeId(),
                                                wanted.name(),
                                                probe.getVotersList(),
                                                wanted.voters()));
            } else {
                replies.put(other.nodeId(), probe);
            }
        }
        return replies;
    }

    /// What one that isn't to be a member any more, or not there, says; nothing as long as it would found the group with others.
    private Optional<ProbeReply> probeFormer(PeerAddress former, GroupSettings wanted)
            throws InterruptedException {
        return probe(former.hostPort(), former)
                .filter(reply ->
                        reply.getFormed()
                                || reply.getVotersList().isEmpty()
                                || reply.getVotersList().equals(wanted.voters()));
    }

    /// The answer of a node of this cluster, if it is the one that it should be.
    private Optional<ProbeReply> probe(String key, PeerAddress node) throws InterruptedException {
        PeerRequest.Builder request =
                PeerRequest.newBuilder().setProbe(ProbeRequest.getDefaultInstance());
        Optional<PeerReply> reply = ask(key, request);
        if (reply.isEmpty() || !reply.get().hasProbe()) {
            return Optional.empty();
        }
        ProbeReply probe = reply.get().getProbe();
        if (!probe.getClusterId().equals(settings.clusterId().toString())) {
            report(
                    "%s belongs to another cluster: its id is %s, ours %s"
                            .formatted(node.nodeId(), probe.getClusterId(), settings.clusterId()));
            return Optional.empty();
        }
        if (!RaftIdentity.nodeOf(probe.getRaftId()).equals(node.nodeId())) {
            report(
                    "the address of %s is answered by %s"
                            .formatted(node.nodeId(), RaftIdentity.nodeOf(probe.getRaftId())));
            return Optional.empty();
        }
        return Optional.of(probe);
    }

    private Optional<PeerReply> ask(String node, PeerRequest.Builder request)
            throws InterruptedException {
        CompletableFuture<Optional<PeerReply>> answer = new CompletableFuture<>();
        peers.send(node, request, reply -> answer.complete(Optional.ofNullable(reply)));
        try {
            return answer.get(PROBE_TIMEOUT_MS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            return Optional.empty();
        } catch (ExecutionException e) {
            throw new IllegalStateException("an answer never fails", e);
        }
    }

    private void report(String state) {
        long now = System.nanoTime();
        if (now - reportedNanos >= REPORT_NANOS) {
            reportedNanos = now;
            LOG.info("{}", state);
        }
    }
}
