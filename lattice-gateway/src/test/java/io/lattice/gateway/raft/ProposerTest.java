package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.peer.ForwardReply;
import io.lattice.statemachine.apply.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ProposerTest extends ProposerFixture {
    @Test
    void aLoneCommandIsAnEntryOfItsOwnAndItsCallerGetsTheOutcome() {
        propose("a");

        FakeSink.Submitted entry = sink.next();
        assertThat(entry.keys()).containsExactly("a");
        assertThat(told).isEmpty();

        apply(entry.batch());
        assertThat(told).containsExactly("a gets a");
    }

    @Test
    void allThatWaitsWhileAnEntryIsUnderWayBecomesTheNextOne() {
        propose("a");
        FakeSink.Submitted first = sink.next();
        propose("b");
        propose("c");
        propose("d");
        assertThat(sink.isQuiet()).isTrue();

        apply(first.batch());

        FakeSink.Submitted second = sink.next();
        assertThat(second.keys()).containsExactly("b", "c", "d");
        apply(second.batch());
        assertThat(told).containsExactly("a gets a", "b gets b", "c gets c", "d gets d");
    }

    @Test
    void anEntryTakesNoMoreCommandsThanItsBound() {
        propose("a");
        FakeSink.Submitted first = sink.next();
        List.of("b", "c", "d", "e", "f").forEach(this::propose);
        apply(first.batch());

        FakeSink.Submitted second = sink.next();
        apply(second.batch());

        assertThat(second.keys()).hasSize(TestSettings.BATCH_COMMANDS_MAX);
        assertThat(sink.next().keys()).containsExactly("f");
    }

    @Test
    void anEntryTakesNoMoreBytesThanItsBoundUnlessOneCommandIsLarger() {
        propose("a");
        FakeSink.Submitted first = sink.next();
        propose("b", 400);
        propose("c", 400);
        propose("d", 400);
        propose("large", 2 * TestSettings.BATCH_BYTES_MAX);
        apply(first.batch());

        FakeSink.Submitted second = sink.next();
        apply(second.batch());
        FakeSink.Submitted third = sink.next();
        apply(third.batch());

        assertThat(second.keys()).containsExactly("b", "c");
        assertThat(third.keys()).containsExactly("d");
        assertThat(sink.next().keys()).containsExactly("large");
    }

    @Test
    void aFullQueuePushesBackAndTakesMoreWhenItDrains() {
        propose("first");
        FakeSink.Submitted first = sink.next();
        for (int i = 0; i < TestSettings.QUEUE_COMMANDS_MAX; i++) {
            propose("waiting" + i);
        }

        propose("beyond");
        assertThat(told).containsExactly("beyond TOO_MANY_REQUESTS");

        apply(first.batch());
        FakeSink.Submitted second = sink.next();
        assertThat(second.keys()).hasSize(TestSettings.BATCH_COMMANDS_MAX);
        propose("again");
        assertThat(told).containsExactly("beyond TOO_MANY_REQUESTS", "first gets first");
    }

    @Test
    void tooManyWaitingBytesPushBack() {
        propose("first");
        sink.next();
        propose("large", (int) TestSettings.QUEUE_BYTES_MAX - 100);

        propose("larger", 200);

        assertThat(told).containsExactly("larger TOO_MANY_REQUESTS");
    }

    @Test
    void whatWasSurelyNotAppendedIsProposedAgainBeforeYoungerCommands() {
        propose("a");
        FakeSink.Submitted first = sink.next();
        propose("b");

        first.notAppended();

        FakeSink.Submitted again = sink.next();
        assertThat(again.keys()).containsExactly("a", "b");
        assertThat(again.batch().getProposals(0).getSequence())
                .isNotEqualTo(first.batch().getProposals(0).getSequence());
        apply(again.batch());
        assertThat(told).containsExactly("a gets a", "b gets b");
    }

    @Test
    void whatIsNeverAppendedFailsAtItsDeadline() {
        standing.follows(null, 5);
        propose("a");

        proposer.tick(System.nanoTime());
        assertThat(told).isEmpty();

        proposer.tick(afterTimeout());
        assertThat(told).containsExactly("a TIMED_OUT");
    }

    @Test
    void whatMayHaveBeenAppendedIsNeverProposedAgain() {
        propose("a");
        FakeSink.Submitted first = sink.next();
        propose("b");

        first.undecided(5);

        FakeSink.Submitted second = sink.next();
        assertThat(second.keys()).containsExactly("b");
        apply(second.batch());
        assertThat(told).as("a is still undecided in its own term").containsExactly("b gets b");
    }

    @Test
    void anUndecidedProposalEndsAsLeaderLostWhenALaterTermBegins() {
        propose("a");
        sink.next().undecided(5);
        applyConfiguration(5);
        assertThat(told).isEmpty();

        applyConfiguration(6);

        assertThat(told).containsExactly("a LEADER_LOST");
    }

    @Test
    void anUndecidedProposalThatIsAppliedAfterAllIsDone() {
        propose("a");
        FakeSink.Submitted entry = sink.next();
        entry.undecided(5);

        apply(5, entry.batch());
        applyConfiguration(6);

        assertThat(told).containsExactly("a gets a");
    }

    @Test
    void anUndecidedProposalTimesOutAndItsLateOutcomeIsDropped() {
        propose("a");
        FakeSink.Submitted entry = sink.next();
        entry.undecided(5);

        proposer.tick(afterTimeout());
        apply(5, entry.batch());

        assertThat(told).containsExactly("a TIMED_OUT");
    }

    @Test
    void anEntryThatIsNeverAnsweredDoesNotHoldUpOthersForEver() {
        propose("a");
        FakeSink.Submitted silent = sink.next();
        silent.beginAppend(5);
        propose("b");

        // Before b's own deadline, but after the entry's.
        proposer.tick(afterTimeout());
        propose("c");

        assertThat(sink.next().keys()).doesNotContain("a");
        assertThat(told).contains("a TIMED_OUT");
        apply(5, silent.batch());
        assertThat(told).doesNotContain("a gets a");
    }

    @Test
    void anEntryThatHasTimedOutIsNotAppendedAnyMore() {
        propose("a");
        FakeSink.Submitted late = sink.next();

        proposer.tick(afterTimeout());

        assertThat(told).containsExactly("a TIMED_OUT");
        assertThat(late.message().beginAppend(5)).isFalse();
        late.notAppended();
        propose("b");
        assertThat(sink.next().keys()).containsExactly("b");
    }

    @Test
    void anEntryIsAppendedInNoOtherTermThanItWasTakenIn() {
        propose("a");
        FakeSink.Submitted hanging = sink.next();

        assertThat(hanging.message().beginAppend(6)).isFalse();

        standing.leads(6);
        hanging.notAppended();
        FakeSink.Submitted again = sink.next();
        assertThat(again.keys()).containsExactly("a");
        again.beginAppend(6);
    }

    @Test
    void commandsWaitForALeaderThatNobodyAnnounces() {
        standing.follows(null, 5);
        propose("a");

        standing.leads(6);

        assertThat(sink.next().keys()).containsExactly("a");
    }

    @Test
    void anotherProcessProposalOfTheSameSequenceCompletesNothing() {
        propose("a");
        FakeSink.Submitted entry = sink.next();
        long sequence = entry.batch().getProposals(0).getSequence();

        apply(batch(foreign(sequence, "x")));
        assertThat(told).isEmpty();

        apply(entry.batch());
        assertThat(told).containsExactly("a gets a");
    }

    @Test
    void whatASnapshotMayHaveSkippedEndsAsLeaderLost() {
        standing.follows("n2", 5);
        propose("a");
        peers.next("n2");

        proposer.snapshotInstalled();

        assertThat(told).containsExactly("a LEADER_LOST");
    }

    @Test
    void stoppingTellsEveryCaller() {
        propose("under way");
        sink.next();
        propose("waiting");

        proposer.stop();
        propose("later");
        forward(1, "x");

        assertThat(told)
                .containsExactlyInAnyOrder(
                        "under way LEADER_LOST", "waiting STOPPED", "later STOPPED");
        assertThat(forwards).containsExactly(ForwardReply.Result.NOT_APPENDED);
    }

    @Test
    void outcomesOfManyCallersGoToTheRightOnes() throws InterruptedException {
        int callers = 8;
        int rounds = 50;
        List<Thread> threads = new ArrayList<>();
        for (int c = 0; c < callers; c++) {
            int caller = c;
            threads.add(
                    Thread.ofPlatform()
                            .start(() -> {
                                for (int i = 0; i < rounds; i++) {
                                    proposeAndWait("c" + caller + "-" + i);
                                }
                            }));
        }

        while (told.size() < callers * rounds) {
            apply(sink.next().batch());
        }

        for (Thread thread : threads) {
            thread.join(TimeUnit.SECONDS.toMillis(10));
        }
        assertThat(told).doesNotHaveDuplicates().allMatch(ProposerTest::keyMatches);
    }

    private void proposeAndWait(String key) {
        java.util.concurrent.CountDownLatch done = new java.util.concurrent.CountDownLatch(1);
        proposer.propose(
                put(key, 1),
                new Proposer.Completion() {
                    @Override
                    public void done(Outcome outcome) {
                        told.add(key + " gets " + keyOf(outcome));
                        done.countDown();
                    }

                    @Override
                    public void failed(ProposalFailure failure) {
                        told.add(key + " " + failure);
                        done.countDown();
                    }
                });
        try {
            assertThat(done.await(20, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static boolean keyMatches(String line) {
        String[] parts = line.split(" gets ", -1);
        return parts.length == 2 && parts[0].equals(parts[1]);
    }
}
