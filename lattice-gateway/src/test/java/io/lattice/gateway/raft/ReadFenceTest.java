package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReadFenceTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final FakeStanding standing = new FakeStanding();
    private final FakePeers peers = new FakePeers();
    private final AppliedGate gate = new AppliedGate();
    private final FrozenTime time = new FrozenTime();
    private final ReadFence fence = new ReadFence(standing, peers, gate, time);
    private final List<String> events = new ArrayList<>();

    @BeforeEach
    void everythingIsApplied() {
        gate.advance(1_000);
    }

    private void read(String name) {
        read(name, System.nanoTime() + 1_000 * SECOND);
    }

    private void read(String name, long deadlineNanos) {
        fence.await(
                deadlineNanos, () -> events.add(name), failure -> events.add(name + " " + failure));
    }

    private void confirmLeadership(String name) {
        fence.confirmLeadership(
                System.nanoTime() + 10 * SECOND,
                index -> events.add(name + " " + (index.isPresent() ? index.getAsLong() : "none")));
    }

    /// Lets a round's patience run out.
    private void tickLater() {
        fence.tick(System.nanoTime() + SECOND);
    }

    /// Lets the voters that a round didn't need at first be asked.
    private void hedge() {
        fence.tick(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(20));
    }

    @Test
    void aReadIsServedWhenAMajorityIsStillInTheLeadersTerm() {
        read("a");
        assertThat(events).isEmpty();

        peers.of("n2").term(5);

        assertThat(events).containsExactly("a");
        assertThat(peers.isQuiet()).as("no more voters are asked than it needs").isTrue();
    }

    @Test
    void theOtherVotersAreAskedIfTheFirstIsSlow() {
        read("a");
        FakePeers.Asked slow = peers.next("n2");
        hedge();

        peers.next("n3").term(5);

        assertThat(events).containsExactly("a");
        slow.term(5);
        assertThat(events).containsExactly("a");
    }

    @Test
    void theVoterThatAnsweredLastIsAskedFirst() {
        read("a");
        hedge();
        peers.of("n3").term(5);
        peers.forget();

        read("b");

        peers.next("n3").term(5);
        assertThat(events).containsExactly("a", "b");
        assertThat(peers.isQuiet()).isTrue();
    }

    @Test
    void aRoundWaitsForAsManyReadsAsTheLastOneHad() {
        read("alone");
        FakePeers.Asked first = peers.next("n2");
        read("a");
        read("b");
        first.term(5);
        peers.next("n2").term(5);
        assertThat(events).containsExactly("alone", "a", "b");

        read("a again");
        assertThat(peers.isQuiet()).as("the other one may be back any moment").isTrue();
        read("b again");

        peers.next("n2").term(5);
        assertThat(events).endsWith("a again", "b again");
    }

    @Test
    void aReadWhoseCompanyStaysAwayIsServedWhenThePauseIsOver() {
        read("alone");
        FakePeers.Asked first = peers.next("n2");
        read("a");
        read("b");
        first.term(5);
        peers.next("n2").term(5);
        read("a again");

        assertThat(peers.isQuiet()).isTrue();
        assertThat(time.pauses()).isOne();
        time.endPause();

        peers.next("n2").term(5);
        assertThat(events).endsWith("a again");
    }

    @Test
    void readsThatArriveDuringARoundShareTheNextOne() {
        read("a");
        FakePeers.Asked first = peers.next();
        peers.forget();
        read("b");
        read("c");
        assertThat(peers.isQuiet()).as("one round is under way at a time").isTrue();

        first.term(5);
        assertThat(events).containsExactly("a");
        assertThat(peers.count()).as("a voter is asked once for both").isEqualTo(1);

        peers.of("n2").term(5);
        assertThat(events).containsExactly("a", "b", "c");
        assertThat(peers.isQuiet()).isTrue();
    }

    @Test
    void aReplyOfAnOldRoundNeverConfirmsANewerOne() {
        read("a");
        hedge();
        FakePeers.Asked early = peers.of("n2");
        FakePeers.Asked late = peers.of("n3");
        read("b");
        early.term(5);

        late.term(5);

        assertThat(events).containsExactly("a");
        peers.of("n2").term(5);
        assertThat(events).containsExactly("a", "b");
    }

    @Test
    void aReplyToAnAbandonedAttemptNeverConfirmsTheNext() {
        read("a");
        FakePeers.Asked abandoned = peers.of("n2");
        peers.forget();
        tickLater();

        abandoned.term(5);

        assertThat(events).isEmpty();
        peers.of("n2").term(5);
        assertThat(events).containsExactly("a");
    }

    @Test
    void neitherALowerNorAHigherTermCounts() {
        read("a");

        peers.of("n2").term(0);
        peers.of("n3").term(6);

        assertThat(events).isEmpty();
    }

    @Test
    void aBrokenStreamConfirmsNothing() {
        read("a");

        peers.of("n2").lost();
        assertThat(events).isEmpty();

        peers.of("n3").term(5);
        assertThat(events).containsExactly("a");
    }

    @Test
    void theSameVoterCountsOnce() {
        standing.configures(List.of("n1", "n2", "n3", "n4", "n5"), List.of());
        read("a");
        hedge();
        FakePeers.Asked twice = peers.of("n2");

        twice.term(5);
        twice.term(5);
        assertThat(events).isEmpty();

        peers.of("n5").term(5);
        assertThat(events).containsExactly("a");
    }

    @Test
    void aJointConfigurationNeedsAMajorityOfBothHalves() {
        standing.configures(List.of("n1", "n2", "n3"), List.of("n1", "n4", "n5"));
        read("a");
        hedge();
        assertThat(peers.count()).isEqualTo(4);

        peers.of("n2").term(5);
        peers.of("n3").term(5);
        assertThat(events).as("only the new half").isEmpty();

        peers.of("n5").term(5);
        assertThat(events).containsExactly("a");
    }

    @Test
    void aLeaderThatIsNoVoterDoesNotCountItself() {
        standing.configures(List.of("n2", "n3", "n4"), List.of());
        read("a");

        peers.of("n2").term(5);
        assertThat(events).isEmpty();

        peers.of("n3").term(5);
        assertThat(events).containsExactly("a");
    }

    @Test
    void aLoneVoterAsksNobody() {
        standing.configures(List.of("n1"), List.of());

        read("a");
        read("b");

        assertThat(events).containsExactly("a", "b");
        assertThat(peers.isQuiet()).isTrue();
    }

    @Test
    void aLeaderSupersededBeforeTheRoundEndsServesNothing() {
        read("a");
        hedge();
        standing.hearsOfTerm(6);

        peers.of("n2").term(5);
        peers.of("n3").term(5);

        assertThat(events).isEmpty();
    }

    @Test
    void aTermThatChangesWhileTheRoleIsAskedForIsNotUsed() {
        standing.afterRole(() -> standing.follows("n2", 6));

        read("a");

        FakePeers.Asked asked = peers.next("n2");
        assertThat(asked.request().hasReadIndex()).as("asked as a follower").isTrue();
        assertThat(peers.isQuiet()).isTrue();
    }

    @Test
    void aSupersededLeadersReadsGoOnAsAFollowers() {
        read("a");
        peers.of("n2").term(6);
        peers.of("n3").term(6);
        standing.follows("n3", 6);

        tickLater();
        peers.next("n3").readIndex(40);

        assertThat(events).containsExactly("a");
    }

    @Test
    void aReadWaitsUntilWhatWasCommittedWhenItsRoundBeganIsApplied() {
        AppliedGate behind = new AppliedGate();
        behind.advance(9);
        ReadFence slow = new ReadFence(standing, peers, behind, time);
        slow.await(Long.MAX_VALUE / 2, () -> events.add("a"), failure -> events.add("failed"));
        standing.commits(12);

        peers.of("n2").term(5);
        assertThat(events).isEmpty();

        behind.advance(10);
        assertThat(events).containsExactly("a");
    }

    @Test
    void aReadThatIsNotAppliedInTimeFails() {
        AppliedGate behind = new AppliedGate();
        ReadFence slow = new ReadFence(standing, peers, behind, time);
        long deadline = System.nanoTime() + SECOND;
        slow.await(deadline, () -> events.add("a"), failure -> events.add("a " + failure));
        peers.of("n2").term(5);

        behind.expire(deadline);

        assertThat(events).containsExactly("a TIMED_OUT");
    }

    @Test
    void aFollowerAsksTheLeaderAndWaitsUntilItHasAppliedThatMuch() {
        AppliedGate behind = new AppliedGate();
        ReadFence follower = new ReadFence(standing, peers, behind, time);
        standing.follows("n2", 5);
        follower.await(Long.MAX_VALUE / 2, () -> events.add("a"), failure -> events.add("failed"));

        peers.next("n2").readIndex(33);
        behind.advance(32);
        assertThat(events).isEmpty();

        behind.advance(33);
        assertThat(events).containsExactly("a");
    }

    @Test
    void aFollowersReadsThatArriveLaterNeedAnIndexOfTheirOwn() {
        standing.follows("n2", 5);
        read("a");
        FakePeers.Asked first = peers.next("n2");
        read("b");

        first.readIndex(33);

        assertThat(events).containsExactly("a");
        peers.next("n2").readIndex(34);
        assertThat(events).containsExactly("a", "b");
    }

    @Test
    void aFollowerWhoseLeaderCanNotConfirmAsksAgain() {
        standing.follows("n2", 5);
        read("a");
        peers.next("n2").notLeader();
        assertThat(events).isEmpty();
        standing.follows("n3", 6);

        tickLater();
        peers.next("n3").readIndex(35);

        assertThat(events).containsExactly("a");
    }

    @Test
    void aReadWithoutALeaderWaitsForOne() {
        standing.follows(null, 5);
        read("a");
        assertThat(peers.isQuiet()).isTrue();
        standing.follows("n3", 6);

        tickLater();
        peers.next("n3").readIndex(35);

        assertThat(events).containsExactly("a");
    }

    @Test
    void readsFailAtTheirDeadlineAndNotBefore() {
        standing.follows(null, 5);
        long now = System.nanoTime();
        read("soon", now + SECOND);
        read("later", now + 20 * SECOND);

        fence.tick(now + SECOND / 2);
        assertThat(events).isEmpty();

        fence.tick(now + 2 * SECOND);
        fence.tick(now + 3 * SECOND);
        assertThat(events).containsExactly("soon TIMED_OUT");

        fence.tick(now + 21 * SECOND);
        assertThat(events).containsExactly("soon TIMED_OUT", "later TIMED_OUT");
    }

    @Test
    void aLeaderThatNobodyAnswersFailsItsReadsInTime() {
        long now = System.nanoTime();
        read("a", now + SECOND);
        read("b", now + SECOND);

        fence.tick(now + 2 * SECOND);
        fence.tick(now + 4 * SECOND);

        assertThat(events).containsExactly("a TIMED_OUT", "b TIMED_OUT");
    }

    @Test
    void theLeaderConfirmsItselfToAFollower() {
        confirmLeadership("for n2");

        peers.of("n2").term(5);

        assertThat(events).containsExactly("for n2 10");
    }

    @Test
    void aFollowerDoesNotConfirmForAnother() {
        standing.follows("n2", 5);

        confirmLeadership("for n3");

        assertThat(events).containsExactly("for n3 none");
    }

    @Test
    void aSupersededLeaderDoesNotConfirm() {
        confirmLeadership("for n2");
        read("own");
        peers.of("n2").term(6);
        peers.of("n3").term(6);
        standing.follows("n3", 6);

        tickLater();

        assertThat(events).containsExactly("for n2 none");
    }

    @Test
    void stoppingFailsWhatWaitsAndWhatComes() {
        read("a");
        FakePeers.Asked asked = peers.of("n2");
        read("b");

        fence.stop();
        asked.term(5);
        read("c");

        assertThat(events).containsExactly("a STOPPED", "b STOPPED", "c STOPPED");
    }

    @Test
    void tooManyWaitingReadsAreRefused() {
        read("first");
        List<OptionalLong> confirmed = new ArrayList<>();
        for (int i = 0; i < 100_000; i++) {
            fence.confirmLeadership(System.nanoTime() + SECOND, confirmed::add);
        }

        read("beyond");

        assertThat(events).containsExactly("beyond TOO_MANY_REQUESTS");
        assertThat(confirmed).isEmpty();
    }
}
