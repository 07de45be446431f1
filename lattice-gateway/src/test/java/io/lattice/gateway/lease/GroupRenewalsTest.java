package io.lattice.gateway.lease;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.gateway.admission.Route;
import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.gateway.raft.Proposer;
import io.lattice.proto.command.Command;
import io.lattice.proto.command.LeaseRenewed;
import io.lattice.proto.peer.RenewReply;
import io.lattice.proto.peer.RenewRequest;
import io.lattice.statemachine.apply.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Two nodes, of which one leads. What passes between them is what goes over the wire.
@Timeout(60)
class GroupRenewalsTest {
    private static final Route ROUTE = new Route(7, 3);
    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final Node leader = new Node();
    private final Node follower = new Node();

    private final class Node implements GroupRenewals.Member {
        private final GroupRenewals renewals = new GroupRenewals(this, TIMEOUT, _ -> Runnable::run);
        private final BlockingQueue<Command> proposed = new ArrayBlockingQueue<>(100);
        private final BlockingQueue<Proposer.Completion> completions =
                new ArrayBlockingQueue<>(100);
        private final BlockingQueue<String> told = new ArrayBlockingQueue<>(100);

        @Override
        public boolean leads() {
            return this == leading;
        }

        @Override
        public void propose(Command command, Proposer.Completion completion) {
            completions.add(completion);
            proposed.add(command);
        }

        @Override
        public void ask(RenewRequest request, Consumer<RenewReply> callback) {
            asked.add(request);
            if (reachable != null) {
                reachable.renewals.renew(request, callback);
            }
        }

        void renew(long id) {
            renewals.of(ROUTE)
                    .renew(
                            id,
                            new Renewals.Answer() {
                                @Override
                                public void renewed(long ttlSeconds) {
                                    told.add(id + ":" + ttlSeconds);
                                }

                                @Override
                                public void failed(ProposalFailure failure) {
                                    told.add(id + ":" + failure);
                                }
                            });
        }

        String told() throws InterruptedException {
            return String.valueOf(told.poll(TIMEOUT.toSeconds(), TimeUnit.SECONDS));
        }

        /// Applies what was proposed next: each lease has ten times its id, in seconds.
        List<Long> apply() throws InterruptedException {
            Command command = proposed.poll(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
            assertThat(command).isNotNull();
            assertThat(command.getKeyspace()).isEqualTo(ROUTE.keyspace());
            assertThat(command.getRoutingEpoch()).isEqualTo(ROUTE.epoch());
            LeaseRenewed.Builder renewed = LeaseRenewed.newBuilder();
            command.getLeaseRenew().getIdsList().forEach(id -> renewed.addTtls(id * 10));
            completions.remove().done(new Outcome.Applied(renewed.build(), 1));
            return command.getLeaseRenew().getIdsList();
        }
    }

    private @Nullable Node leading = leader;
    private @Nullable Node reachable = leader;
    private final List<RenewRequest> asked = new ArrayList<>();

    @Test
    void renewalsOfAllNodesShareTheLeadersEntry() throws Exception {
        leader.renew(1);
        leader.renew(2);
        follower.renew(3);

        List<Long> first = leader.apply();
        List<Long> second = leader.apply();

        assertThat(first).containsExactly(1L);
        assertThat(second).containsExactly(2L, 3L);
        assertThat(follower.told()).isEqualTo("3:30");
        assertThat(List.of(leader.told(), leader.told())).containsExactly("1:10", "2:20");
        assertThat(follower.proposed).isEmpty();
    }

    @Test
    void aLeaseThatIsGoneIsGoneForOthersToo() throws Exception {
        follower.renew(0);

        leader.apply();

        assertThat(follower.told()).isEqualTo("0:0");
    }

    @Test
    void aNodeThatDoesNotLeadRenewsNothingAndTheNextLeaderDoes() throws Exception {
        leading = null;
        follower.renew(4);
        follower.renew(5);
        assertThat(leader.proposed).isEmpty();
        assertThat(asked).isNotEmpty();

        leading = follower;

        assertThat(follower.apply()).containsExactly(4L, 5L);
        assertThat(List.of(follower.told(), follower.told())).containsExactly("4:40", "5:50");
    }

    @Test
    void whatTheLeaderCannotTakeIsRefused() throws Exception {
        follower.renew(6);

        leader.completions.take().failed(ProposalFailure.TOO_MANY_REQUESTS);

        assertThat(follower.told()).isEqualTo("6:TOO_MANY_REQUESTS");
    }

    @Test
    void aReplyThatLacksAnAnswerIsNone() throws Exception {
        List<Consumer<RenewReply>> callbacks = new ArrayList<>();
        GroupRenewals alone =
                new GroupRenewals(
                        new GroupRenewals.Member() {
                            @Override
                            public boolean leads() {
                                return false;
                            }

                            @Override
                            public void propose(Command command, Proposer.Completion completion) {
                                throw new AssertionError("a follower proposes nothing");
                            }

                            @Override
                            public void ask(RenewRequest request, Consumer<RenewReply> callback) {
                                callbacks.add(callback);
                            }
                        },
                        Duration.ofMillis(1),
                        _ -> Runnable::run);
        BlockingQueue<ProposalFailure> failed = new ArrayBlockingQueue<>(1);
        alone.of(ROUTE)
                .renew(
                        1,
                        new Renewals.Answer() {
                            @Override
                            public void renewed(long ttlSeconds) {
                                throw new AssertionError("nobody has renewed it");
                            }

                            @Override
                            public void failed(ProposalFailure failure) {
                                failed.add(failure);
                            }
                        });

        callbacks.getFirst().accept(RenewReply.getDefaultInstance());

        assertThat(failed.take()).isEqualTo(ProposalFailure.LEADER_LOST);
    }
}
