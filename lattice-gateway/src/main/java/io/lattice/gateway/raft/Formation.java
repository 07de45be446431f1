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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// How a node with an empty log comes into its cluster.
///
/// A log is founded only when every configured member has said that it has none either, or when a node that has one
/// names this very identity among its founders. Otherwise this node had a disk that is gone: it joins under its new
/// identity, by way of the leader, in the place of the old one. So no node ever votes with an emptied log.
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
    private final BooleanSupplier stopping;
    private long reportedNanos = System.nanoTime();

    /// Whether the group was to have other members while this node waited to found it: one of them may have by now.
    private boolean othersWereWanted;

    /// @param group asked again and again: what the group is to be may change
    /// @param peers reaches nodes by their plain node id
    Formation(
            RaftSettings settings,
            Supplier<GroupSettings> group,
            PeerSender peers,
            String raftId,
            BooleanSupplier stopping) {
        this.settings = settings;
        this.group = group;
        this.peers = peers;
        this.raftId = raftId;
        this.stopping = stopping;
    }

    /// Waits until it is clear whether this node founds a log.
    ///
    /// @return the Raft identities to found it with, or empty if this node has to [#join]
    Optional<List<String>> founders() throws InterruptedException {
        while (!stopping.getAsBoolean()) {
            // One for the whole round: the nodes that found a log have to be those that were asked.
            GroupSettings wanted = group.get();
            List<String> others = others(wanted);
            othersWereWanted |= !others.isEmpty();
            Map<String, ProbeReply> replies = probe(others, wanted);
            Map<String, ProbeReply> formed = new TreeMap<>(replies);
            formed.values().removeIf(reply -> !reply.getFormed());
            boolean listens = wanted.listens(settings.nodeId());
            if (formed.values().stream()
                    .anyMatch(f -> listens || !f.getFoundersList().contains(raftId))) {
                LOG.info(
                        "group {} exists on {} and {} is no founder of it: joining",
                        wanted.name(),
                        formed.keySet(),
                        raftId);
                return Optional.empty();
            }
            if (!formed.isEmpty()) {
                return Optional.of(formed.values().iterator().next().getFoundersList());
            }
            boolean nobodyToAsk = others.isEmpty() && othersWereWanted;
            if (!listens && !nobodyToAsk && replies.size() == others.size()) {
                List<String> all = new ArrayList<>();
                all.add(raftId);
                for (String voter : wanted.voters()) {
                    ProbeReply reply = replies.get(voter);
                    if (reply != null) {
                        all.add(reply.getRaftId());
                    }
                }
                all.sort(null);
                return Optional.of(all);
            }
            report(
                    nobodyToAsk
                            ? "group %s had other members when this node began to wait for them, and they may have data: restart this node to found it alone"
                                    .formatted(wanted.name())
                            : "waiting for %s to found group %s; answered so far: %s"
                                    .formatted(
                                            listens ? "the voters" : "all nodes",
                                            wanted.name(),
                                            replies.keySet()));
            TimeUnit.MILLISECONDS.sleep(PAUSE_MS);
        }
        throw new InterruptedException("stopping");
    }

    /// Asks each node once whether this one, which has a log, was taken out of the group for good. Without a leader that can prove to be
    /// one, nobody says so.
    boolean isGone() throws InterruptedException {
        for (String other : others(group.get())) {
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
            for (String other : others(wanted)) {
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
    private List<String> others(GroupSettings wanted) {
        return wanted.members().stream()
                .map(PeerAddress::nodeId)
                .filter(id -> !id.equals(settings.nodeId()))
                .toList();
    }

    private Map<String, ProbeReply> probe(List<String> others, GroupSettings wanted)
            throws InterruptedException {
        Map<String, ProbeReply> replies = new HashMap<>();
        for (String other : others) {
            PeerRequest.Builder request =
                    PeerRequest.newBuilder().setProbe(ProbeRequest.getDefaultInstance());
            Optional<PeerReply> reply = ask(other, request);
            if (reply.isEmpty() || !reply.get().hasProbe()) {
                continue;
            }
            ProbeReply probe = reply.get().getProbe();
            if (!probe.getClusterId().equals(settings.clusterId().toString())) {
                report(
                        "%s belongs to another cluster: its id is %s, ours %s"
                                .formatted(other, probe.getClusterId(), settings.clusterId()));
            } else if (!RaftIdentity.nodeOf(probe.getRaftId()).equals(other)) {
                report(
                        "the address of %s is answered by %s"
                                .formatted(other, RaftIdentity.nodeOf(probe.getRaftId())));
            } else if (!probe.getFormed() && !probe.getVotersList().equals(wanted.voters())) {
                report(
                        "%s is configured for other voters of group %s: its are %s, ours %s"
                                .formatted(
                                        other,
                                        wanted.name(),
                                        probe.getVotersList(),
                                        wanted.voters()));
            } else {
                replies.put(other, probe);
            }
        }
        return replies;
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
