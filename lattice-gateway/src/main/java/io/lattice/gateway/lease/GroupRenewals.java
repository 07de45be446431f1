package io.lattice.gateway.lease;

import io.lattice.gateway.admission.Route;
import io.lattice.gateway.raft.LeaseRenewer;
import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.gateway.raft.Proposer;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.proto.command.Command;
import io.lattice.proto.command.LeaseRenew;
import io.lattice.proto.command.LeaseRenewed;
import io.lattice.proto.peer.RenewReply;
import io.lattice.proto.peer.RenewRequest;
import io.lattice.statemachine.apply.Outcome;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.IntFunction;

/// The renewals of one group's leases, by tenant. They are gathered twice: on each node what comes while the leader has the renewals
/// before, and on the leader what comes from all nodes within 50 ms, for one entry of the log. So a hundred thousand keepalives cost few
/// entries. A client that keeps a lease alive asks every few seconds, and doesn't feel that.
///
/// What the leader gathers it only proposes, and never asks another node for, so that nodes don't wait for each other when the leadership
/// moves. A node proposes by itself what the leader didn't renew.
///
/// Thread-safe.
public final class GroupRenewals {
    /// From the beginning of one entry to that of the next.
    private static final Duration PAUSE = Duration.ofMillis(50);

    /// So long a node waits for the leader, which may have been lost meanwhile.
    private static final Duration ASK_LIMIT = Duration.ofSeconds(2);

    private final Member member;
    private final Duration timeout;
    private final IntFunction<Executor> executors;
    private final Map<Route, Renewals> own = new ConcurrentHashMap<>();
    private final Map<Route, Renewals> ofAllNodes = new ConcurrentHashMap<>();

    /// This node's member of the group.
    interface Member {
        boolean leads();

        /// Proposes a command; the completion is told exactly once.
        void propose(Command command, Proposer.Completion completion);

        /// Asks the leader; the callback may never run.
        void ask(RenewRequest request, Consumer<RenewReply> callback);
    }

    /// @param timeout how long a renewal is tried
    /// @param executors run what must not run on the thread that completes proposals, by keyspace
    public GroupRenewals(RaftNode node, Duration timeout, IntFunction<Executor> executors) {
        this(new RunningMember(node), timeout, executors);
        node.renewBy(this::renew);
    }

    GroupRenewals(Member member, Duration timeout, IntFunction<Executor> executors) {
        this.member = member;
        this.timeout = timeout;
        this.executors = executors;
    }

    /// Those of a tenant's clients on this node.
    public Renewals of(Route route) {
        return own.computeIfAbsent(
                route, added -> gathering(added, new ToLeader(added), Duration.ZERO));
    }

    private Renewals ofAllNodes(Route route) {
        return ofAllNodes.computeIfAbsent(
                route,
                added ->
                        gathering(
                                added,
                                (renew, completion) ->
                                        member.propose(commandOf(added, renew), completion),
                                PAUSE));
    }

    private Renewals gathering(Route route, Renewals.Sender sender, Duration pause) {
        return new Renewals(sender, pause, timeout, executors.apply(route.keyspace()));
    }

    private static Command commandOf(Route route, LeaseRenew renew) {
        return route.command().setLeaseRenew(renew).build();
    }

    /// Renews for a node, perhaps this one, if this one leads.
    void renew(RenewRequest request, Consumer<RenewReply> callback) {
        if (!member.leads()) {
            callback.accept(LeaseRenewer.UNDECIDED);
            return;
        }
        List<Long> ids = request.getRenew().getIdsList();
        if (ids.isEmpty()) {
            callback.accept(RenewReply.getDefaultInstance());
            return;
        }
        Gathered gathered = new Gathered(ids.size(), callback);
        ofAllNodes(new Route(request.getKeyspace(), request.getRoutingEpoch()))
                .renew(ids, gathered::place);
    }

    /// The answers to a node's renewals, told when all are there.
    private static final class Gathered {
        private final Consumer<RenewReply> callback;
        private final long[] ttls;
        private int missing;
        private RenewReply.Result result = RenewReply.Result.RENEWED;

        Gathered(int size, Consumer<RenewReply> callback) {
            this.callback = callback;
            this.ttls = new long[size];
            this.missing = size;
        }

        Renewals.Answer place(int index) {
            return new Renewals.Answer() {
                @Override
                public void renewed(long ttlSeconds) {
                    answered(index, ttlSeconds, RenewReply.Result.RENEWED);
                }

                @Override
                public void failed(ProposalFailure failure) {
                    answered(
                            index,
                            0,
                            failure == ProposalFailure.TOO_MANY_REQUESTS
                                    ? RenewReply.Result.TOO_MANY_REQUESTS
                                    : RenewReply.Result.UNDECIDED);
                }
            };
        }

        private void answered(int index, long ttlSeconds, RenewReply.Result answer) {
            synchronized (this) {
                ttls[index] = ttlSeconds;
                if (result != RenewReply.Result.UNDECIDED && answer != RenewReply.Result.RENEWED) {
                    result = answer;
                }
                missing--;
                if (missing > 0) {
                    return;
                }
            }
            callback.accept(reply());
        }

        private synchronized RenewReply reply() {
            RenewReply.Builder reply = RenewReply.newBuilder().setResult(result);
            if (result == RenewReply.Result.RENEWED) {
                LeaseRenewed.Builder renewed = reply.getRenewedBuilder();
                for (long ttl : ttls) {
                    renewed.addTtls(ttl);
                }
            }
            return reply.build();
        }
    }

    /// Asks the leader, which may be this node, and proposes what it doesn't renew.
    private final class ToLeader implements Renewals.Sender {
        private final Route route;

        ToLeader(Route route) {
            this.route = route;
        }

        @Override
        public void send(LeaseRenew renew, Proposer.Completion completion) {
            RenewRequest request =
                    RenewRequest.newBuilder()
                            .setKeyspace(route.keyspace())
                            .setRoutingEpoch(route.epoch())
                            .setRenew(renew)
                            .build();
            CompletableFuture<RenewReply> reply = new CompletableFuture<>();
            var _ =
                    reply.completeOnTimeout(
                                    LeaseRenewer.UNDECIDED,
                                    Math.min(ASK_LIMIT.toMillis(), timeout.toMillis()),
                                    TimeUnit.MILLISECONDS)
                            .thenAccept(answer -> tell(answer, renew, completion));
            if (member.leads()) {
                GroupRenewals.this.renew(request, reply::complete);
            } else {
                member.ask(request, reply::complete);
            }
        }

        private void tell(RenewReply reply, LeaseRenew renew, Proposer.Completion completion) {
            if (reply.getResult() == RenewReply.Result.TOO_MANY_REQUESTS) {
                completion.failed(ProposalFailure.TOO_MANY_REQUESTS);
            } else if (reply.getResult() == RenewReply.Result.RENEWED
                    && reply.getRenewed().getTtlsCount() == renew.getIdsCount()) {
                completion.done(new Outcome.Applied(reply.getRenewed(), 0));
            } else {
                // Elsewhere, since proposing may block. The proposer finds the next leader.
                Renewals.executeOn(
                        executors.apply(route.keyspace()),
                        () -> member.propose(commandOf(route, renew), completion));
            }
        }
    }

    private record RunningMember(RaftNode node) implements Member {
        @Override
        public boolean leads() {
            return node.view().isReadyLeader();
        }

        @Override
        public void propose(Command command, Proposer.Completion completion) {
            node.proposer().propose(command, completion);
        }

        @Override
        public void ask(RenewRequest request, Consumer<RenewReply> callback) {
            node.askToRenew(request, callback);
        }
    }
}
