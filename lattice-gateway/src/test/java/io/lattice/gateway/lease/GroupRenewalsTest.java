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
            Node asked = reachable;
            if (asked != null) {
                asked.renewals.renew(
                        request,
                        reply ->
                                callback.accept(
                                        shortReplies ? RenewReply.getDefaultInstance() : reply));
            }
        }

        void renew(long id) {
            renewals.of(ROUTE).renew(id, new RecordedAnswer(told, id));
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

    private volatile @Nullable Node leading = leader;

    /// Who answers.
    private volatile @Nullable Node reachable = leader;

    private volatile boolean shortReplies;

    @Test
    void renewalsOfAllNodesShareTheLeadersEntry() throws Exception {
        leader.renew(1);
        leader.renew(2);
        follower.renew(3);

        List<Long> first = leader.apply();
        List<Long> second = leader.apply();

        assertThat(first).containsExactly(1L);
        assertThat(second).containsExactlyInAnyOrder(2L, 3L);
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
    void withoutALeaderANodeProposesItself() throws Exception {
        leading = null;
        follower.renew(4);
        follower.renew(5);

        assertThat(follower.apply()).containsExactly(4L);
        assertThat(follower.apply()).containsExactly(5L);
        assertThat(List.of(follower.told(), follower.told())).containsExactly("4:40", "5:50");
        assertThat(leader.proposed).isEmpty();
    }

    @Test
    void aLeaderThatDoesNotAnswerIsNotWaitedForForLong() throws Exception {
        reachable = null;
        follower.renew(6);

        assertThat(follower.apply()).containsExactly(6L);
        assertThat(follower.told()).isEqualTo("6:60");
    }

    /// Each has renewals of the other's clients when they change places.
    @Test
    void nodesDoNotWaitForEachOtherWhenTheLeadershipMoves() throws Exception {
        leader.renew(1);
        follower.renew(2);
        follower.renew(3);

        leading = follower;
        reachable = follower;
        Proposer.Completion first = leader.completions.take();
        leader.proposed.take();
        first.failed(ProposalFailure.LEADER_LOST);

        assertThat(leader.apply()).containsExactly(1L, 2L);
        assertThat(leader.told()).isEqualTo("1:10");
        assertThat(List.of(follower.told())).containsExactly("2:20");
        assertThat(follower.apply()).containsExactly(3L);
        assertThat(follower.told()).isEqualTo("3:30");
    }

    @Test
    void whatTheLeaderCannotTakeIsRefused() throws Exception {
        follower.renew(6);

        leader.completions.take().failed(ProposalFailure.TOO_MANY_REQUESTS);

        assertThat(follower.told()).isEqualTo("6:TOO_MANY_REQUESTS");
    }

    @Test
    void aReplyThatLacksAnAnswerIsNone() throws Exception {
        shortReplies = true;
        follower.renew(7);
        leader.apply();

        assertThat(follower.apply()).containsExactly(7L);
        assertThat(follower.told()).isEqualTo("7:70");
    }
}
