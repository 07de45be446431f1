package io.lattice.gateway.raft;

import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.apache.ratis.protocol.RaftGroupId;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// How this process comes to have a group: it has Ratis open the group's files, found its log, or make an empty one, and then has
/// the leader make it a member. Used by the thread that opens the group.
final class Opening {
    private static final Logger LOG = LoggerFactory.getLogger(Opening.class);

    private final RaftHost.Parts host;
    private final RaftGroupId groupId;
    private final Supplier<GroupSettings> group;
    private final RatisCalls calls;
    private final BooleanSupplier stopping;

    /// Whether Ratis was given the group, and may have its files open or be about to open them.
    private volatile boolean given;

    /// With whom this node would found the group now; none if it wouldn't, or doesn't know yet.
    private volatile List<String> foundingVoters = List.of();

    /// @param group asked again and again: what the group is to be may change
    Opening(
            RaftHost.Parts host,
            RaftGroupId groupId,
            Supplier<GroupSettings> group,
            RatisCalls calls,
            BooleanSupplier stopping) {
        this.host = host;
        this.groupId = groupId;
        this.group = group;
        this.calls = calls;
        this.stopping = stopping;
    }

    /// The voters with which this node would found the group now, by node id; none if it wouldn't.
    List<String> foundingVoters() {
        return foundingVoters;
    }

    private String self() {
        return host.identity().raftId();
    }

    /// Whether nobody else may know of the group's log.
    private boolean isAlone() {
        GroupSettings settings = group.get();
        return settings.members().size() == 1;
    }

    /// Has Ratis open the group's files, or makes them when it is clear how.
    void enter(boolean hasLog) throws IOException, InterruptedException {
        RaftIdentity identity = host.identity();
        RaftSettings settings = host.settings();
        GroupSettings entered = group.get();
        if (!hasLog && identity.logMade(entered.id())) {
            throw new RaftIdentity.DirectoryException(
                    "the Raft log of %s in group %s is gone from %s: it may have voted, and must not begin with an empty log; bring it back, or empty %s and %s to rejoin as a new member"
                            .formatted(
                                    self(),
                                    entered.name(),
                                    settings.walDirectory(),
                                    settings.walDirectory(),
                                    settings.dataDirectory()));
        }
        if (!hasLog) {
            Optional<List<String>> founders = founders();
            if (founders.isPresent()) {
                identity.found(entered.id(), founders.get());
                LOG.info("founding group {} with {}", entered.name(), founders.get());
            }
        }
        // A founder's log may not hold its members yet, if the process died before the first
        // election.
        List<String> founders = identity.founders(entered.id());
        given = true;
        calls.addGroup(ConfiguredPeers.of(group.get()).group(groupId, founders), !hasLog);
    }

    /// Whether Ratis was given the group.
    boolean wasGiven() {
        return given;
    }

    /// Whether this node, which has a log, was taken out of the group for good.
    boolean isGone() throws InterruptedException {
        if (isAlone()) {
            return false;
        }
        try (PeerClients configured = configuredClients()) {
            return formation(configured).isGone();
        }
    }

    private Optional<List<String>> founders() throws InterruptedException {
        if (isAlone()) {
            return Optional.of(List.of(self()));
        }
        try (PeerClients configured = configuredClients()) {
            return formation(configured).founders();
        }
    }

    /// Asks for membership until `done`.
    void join(BooleanSupplier done) throws InterruptedException {
        try (PeerClients configured = configuredClients()) {
            formation(configured).join(done);
        }
    }

    /// Connections to the other members, by node id, and to any node by "host:port".
    private PeerClients configuredClients() {
        return new PeerClients(
                node ->
                        node.contains(":")
                                ? node
                                : ConfiguredPeers.of(group.get())
                                        .address(node)
                                        .map(PeerAddress::hostPort)
                                        .orElse(null),
                host.tls());
    }

    private Formation formation(PeerClients configured) {
        return new Formation(
                host.settings(),
                group,
                new GroupSender(groupId, configured),
                self(),
                voters -> foundingVoters = voters,
                stopping);
    }
}
