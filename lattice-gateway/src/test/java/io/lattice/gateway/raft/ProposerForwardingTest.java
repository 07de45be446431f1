package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.proto.peer.ForwardReply;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ProposerForwardingTest extends ProposerFixture {
    @Test
    void aFollowerForwardsToTheLeaderOneProposalAtATime() {
        standing.follows("n2", 5);
        propose("a");
        Proposal first = peers.next("n2").proposal();
        propose("b");
        propose("c");

        apply(batch(first));

        Proposal second = peers.next("n2").proposal();
        assertThat(first.getOrigin()).isEqualTo(ORIGIN);
        assertThat(second.getCommandsList().stream().map(FakeSink.Submitted::key))
                .containsExactly("b", "c");
        apply(batch(second));
        assertThat(told).containsExactly("a gets a", "b gets b", "c gets c");
        assertThat(sink.isQuiet()).isTrue();
    }

    @Test
    void theLeadersReplyDoesNotCompleteAFollowersProposal() {
        standing.follows("n2", 5);
        propose("a");
        FakePeers.Asked asked = peers.next("n2");

        asked.forwarded(ForwardReply.Result.COMMITTED);
        assertThat(told).as("not applied here yet").isEmpty();

        apply(batch(asked.proposal()));
        assertThat(told).containsExactly("a gets a");
    }

    @Test
    void aFollowerLearnsFromTheReplyWhatIsCommitted() {
        standing.follows("n2", 5);
        propose("a");
        FakePeers.Asked asked = peers.next("n2");

        asked.committed(5, 17, 0);

        assertThat(sink.learned).containsExactly("n2 has committed 17 of term 5");
        assertThat(told).as("not applied here yet").isEmpty();
    }

    @Test
    void aFollowerThatHasTheEntryOnDiskIsToldByTheAnswer() {
        news.stored = true;
        forward(1, "x");
        CommandBatch entry = sink.next().batch();

        commit(entry);

        assertThat(replies)
                .containsExactly(
                        ForwardReply.newBuilder()
                                .setResult(ForwardReply.Result.COMMITTED)
                                .setTerm(5)
                                .setIndex(11)
                                .build());
        assertThat(news.pushed).containsExactly("all 11");
        apply(entry);
        assertThat(forwards).as("answered once").hasSize(1);
    }

    @Test
    void aFollowerThatLacksTheEntryIsToldByAHeartbeat() {
        forward(1, "x");
        CommandBatch entry = sink.next().batch();

        commit(entry);

        assertThat(news.pushed).containsExactly("n2~1 11", "all 11");
        assertThat(forwards).isEmpty();
        apply(entry);
        assertThat(replies)
                .containsExactly(
                        ForwardReply.newBuilder().setResult(ForwardReply.Result.COMMITTED).build());
    }

    @Test
    void anotherEntrysCommitAnswersNothing() {
        news.stored = true;
        forward(1, "x");
        sink.next();

        commit(batch(foreign(7, "y")));

        assertThat(forwards).isEmpty();
    }

    @Test
    void whatWasAnsweredWhenItWasCommittedIsNotAnsweredWhenItsTimeIsUp() {
        news.stored = true;
        forward(1, "x");
        FakeSink.Submitted entry = sink.next();
        entry.beginAppend(5);
        commit(entry.batch());

        proposer.tick(afterTimeout());

        assertThat(forwards).containsExactly(ForwardReply.Result.COMMITTED);
    }

    @Test
    void aRefusedForwardIsRoutedAnew() {
        standing.follows("n2", 5);
        propose("a");
        FakePeers.Asked refused = peers.next("n2");
        standing.follows("n3", 6);

        refused.forwarded(ForwardReply.Result.NOT_APPENDED);

        Proposal again = peers.next("n3").proposal();
        apply(6, batch(again));
        assertThat(told).containsExactly("a gets a");
    }

    @Test
    void aRefusedForwardIsSubmittedHereIfThisNodeLeadsByNow() {
        standing.follows("n2", 5);
        propose("a");
        FakePeers.Asked refused = peers.next("n2");
        standing.leads(6);

        refused.forwarded(ForwardReply.Result.NOT_APPENDED);

        assertThat(sink.next().keys()).containsExactly("a");
    }

    @Test
    void aForwardWhoseStreamBrokeIsNeverSentAgain() {
        standing.follows("n2", 5);
        propose("a");
        peers.next("n2").lost();
        standing.follows("n3", 6);
        propose("b");

        Proposal next = peers.next("n3").proposal();

        assertThat(next.getCommandsList().stream().map(FakeSink.Submitted::key))
                .containsExactly("b");
        applyConfiguration(6);
        assertThat(told).containsExactly("a LEADER_LOST");
        apply(6, batch(next));
        assertThat(told).containsExactly("a LEADER_LOST", "b gets b");
    }

    @Test
    void aForwardThatTheLeaderCanNotDecideIsNeverSentAgain() {
        standing.follows("n2", 5);
        propose("a");
        FakePeers.Asked undecided = peers.next("n2");
        undecided.forwarded(ForwardReply.Result.UNDECIDED);
        propose("b");

        FakePeers.Asked next = peers.next("n2");
        assertThat(next.proposal().getCommandsCount()).isEqualTo(1);

        apply(5, batch(undecided.proposal()));
        assertThat(told).as("it was appended after all").containsExactly("a gets a");
    }

    @Test
    void aNewLeaderIsNotSentWhatTheOldOneHas() {
        standing.follows("n2", 5);
        propose("a");
        FakePeers.Asked old = peers.next("n2");
        standing.follows("n3", 6);
        propose("b");

        proposer.leaderChanged();

        FakePeers.Asked next = peers.next("n3");
        assertThat(next.proposal().getCommandsList().stream().map(FakeSink.Submitted::key))
                .containsExactly("b");
        old.forwarded(ForwardReply.Result.NOT_APPENDED);
        apply(6, batch(next.proposal()));
        assertThat(peers.next("n3").proposal().getCommandsCount())
                .as("only now is it known that a can be sent again")
                .isEqualTo(1);
    }

    @Test
    void forwardedProposalsAndOwnCommandsShareAnEntry() {
        propose("a");
        FakeSink.Submitted first = sink.next();
        forward(1, "x");
        forward(7, "y");
        propose("b");
        apply(first.batch());

        FakeSink.Submitted second = sink.next();

        assertThat(second.keys()).containsExactly("x", "y", "b");
        assertThat(forwards).isEmpty();
        apply(second.batch());
        assertThat(forwards)
                .containsExactly(ForwardReply.Result.COMMITTED, ForwardReply.Result.COMMITTED);
        assertThat(told).containsExactly("a gets a", "b gets b");
    }

    @Test
    void aFollowerRefusesForwardedProposals() {
        standing.follows("n2", 5);

        forward(1, "x");

        assertThat(forwards).containsExactly(ForwardReply.Result.NOT_APPENDED);
    }

    @Test
    void aForwardThatComesAfterALaterOneIsRefused() {
        forward(2, "y");
        apply(sink.next().batch());

        forward(1, "x");
        forward(2, "y");

        assertThat(forwards)
                .containsExactly(
                        ForwardReply.Result.COMMITTED,
                        ForwardReply.Result.NOT_APPENDED,
                        ForwardReply.Result.NOT_APPENDED);
        forward(3, "z");
        assertThat(sink.next().keys()).containsExactly("z");
    }

    @Test
    void aForwardOfAnotherTermIsRefused() {
        standing.leads(6);

        forward(5, 1, "x");
        forward(7, 2, "y");

        assertThat(forwards)
                .containsExactly(
                        ForwardReply.Result.NOT_APPENDED, ForwardReply.Result.NOT_APPENDED);
        assertThat(sink.isQuiet()).isTrue();
        forward(6, 1, "z");
        assertThat(sink.next().keys()).containsExactly("z");
    }

    @Test
    void aFollowerSaysInWhichTermItForwards() {
        standing.follows("n2", 5);

        propose("a");

        assertThat(peers.next("n2").request().getForward().getTerm()).isEqualTo(5);
    }

    @Test
    void aForwardedProposalThatWaitsWhenLeadershipIsLostIsRefused() {
        propose("a");
        FakeSink.Submitted first = sink.next();
        forward(1, "x");
        standing.follows("n2", 6);

        first.notAppended();

        peers.next("n2");
        assertThat(forwards).containsExactly(ForwardReply.Result.NOT_APPENDED);
    }

    @Test
    void aForwardedProposalThatWaitsOverALossOfLeadershipIsRefused() {
        propose("a");
        FakeSink.Submitted first = sink.next();
        forward(1, "x");
        standing.leads(7);

        first.notAppended();

        assertThat(sink.next().keys()).containsExactly("a");
        assertThat(forwards).containsExactly(ForwardReply.Result.NOT_APPENDED);
    }

    @Test
    void theForwardingNodeIsToldOnceOfAnEntryThatIsGivenUp() {
        forward(1, "x");
        FakeSink.Submitted hanging = sink.next();

        proposer.tick(afterTimeout());
        hanging.notAppended();

        assertThat(forwards).containsExactly(ForwardReply.Result.NOT_APPENDED);
    }

    @Test
    void theForwardingNodeIsToldWhetherAFailedEntryMayHaveBeenAppended() {
        forward(1, "x");
        sink.next().notAppended();
        assertThat(forwards).containsExactly(ForwardReply.Result.NOT_APPENDED);

        forward(2, "y");
        sink.next().undecided(5);
        assertThat(forwards)
                .containsExactly(ForwardReply.Result.NOT_APPENDED, ForwardReply.Result.UNDECIDED);
    }
}
