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

/// The renewals of one group's leases, by tenant. A node that doesn't lead sends what it has gathered to the one that does, where it is
/// gathered with that of the others: one entry of the log is for all nodes.
///
/// Thread-safe.
public final class GroupRenewals {
    private final Member member;
    private final Duration timeout;
    private final IntFunction<Executor> executors;
    private final Map<Route, Renewals> renewals = new ConcurrentHashMap<>();

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

    /// Those of a tenant.
    public Renewals of(Route route) {
        return renewals.computeIfAbsent(
                route,
                added ->
                        new Renewals(
                                new ToLeader(added), timeout, executors.apply(added.keyspace())));
    }

    /// Renews for another node, if this one leads.
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
        Renewals here = of(new Route(request.getKeyspace(), request.getRoutingEpoch()));
        Gathered gathered = new Gathered(ids.size(), callback);
        for (int i = 0; i < ids.size(); i++) {
            here.renew(ids.get(i), gathered.place(i));
        }
    }

    /// The answers to another node's renewals, told when all are there.
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
                if (answer != RenewReply.Result.RENEWED) {
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

    /// Proposes where this node leads, and else asks the leader.
    private final class ToLeader implements Renewals.Sender {
        private final Route route;

        ToLeader(Route route) {
            this.route = route;
        }

        @Override
        public boolean gathersElsewhere() {
            return !member.leads();
        }

        @Override
        public void send(LeaseRenew renew, Proposer.Completion completion) {
            if (member.leads()) {
                member.propose(route.command().setLeaseRenew(renew).build(), completion);
                return;
            }
            CompletableFuture<RenewReply> reply = new CompletableFuture<>();
            var _ =
                    reply.completeOnTimeout(
                                    LeaseRenewer.UNDECIDED,
                                    timeout.toMillis(),
                                    TimeUnit.MILLISECONDS)
                            .thenAccept(answer -> tell(answer, renew.getIdsCount(), completion));
            member.ask(
                    RenewRequest.newBuilder()
                            .setKeyspace(route.keyspace())
                            .setRoutingEpoch(route.epoch())
                            .setRenew(renew)
                            .build(),
                    reply::complete);
        }

        private static void tell(RenewReply reply, int ids, Proposer.Completion completion) {
            switch (reply.getResult()) {
                case RENEWED -> {
                    if (reply.getRenewed().getTtlsCount() == ids) {
                        completion.done(new Outcome.Applied(reply.getRenewed(), 0));
                    } else {
                        completion.failed(ProposalFailure.LEADER_LOST);
                    }
                }
                case TOO_MANY_REQUESTS -> completion.failed(ProposalFailure.TOO_MANY_REQUESTS);
                case UNDECIDED, UNRECOGNIZED -> completion.failed(ProposalFailure.LEADER_LOST);
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
