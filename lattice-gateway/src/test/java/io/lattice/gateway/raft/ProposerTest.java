package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.proto.command.Command;
import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.PutResponse;
import io.lattice.proto.peer.ForwardReply;
import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.apply.Outcome;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ProposerTest {
    private static final long ORIGIN = 42;
    private static final long OTHER_ORIGIN = 43;
    private static final long TIMEOUT_NANOS = TestSettings.REQUEST_TIMEOUT.toNanos();

    private final FakeStanding standing = new FakeStanding();
    private final FakePeers peers = new FakePeers();
    private final FakeSink sink = new FakeSink();
    private final List<String> told = Collections.synchronizedList(new ArrayList<>());
    private final List<ForwardReply.Result> forwards =
            Collections.synchronizedList(new ArrayList<>());
    private final Proposer proposer =
            new Proposer(
                    standing,
                    peers,
                    sink,
                    new CommitPusher(),
                    TestSettings.single(Path.of("unused"), FakeStanding.SELF),
                    Runnable::run,
                    ORIGIN);
    private long lastIndex = 10;

    @BeforeEach
    void start() {
        proposer.start(Throwable::printStackTrace);
    }

    @AfterEach
    void stop() {
        proposer.stop();
    }

    private static Command put(String key, int valueBytes) {
        return Command.newBuilder()
                .setPut(
                        PutRequest.newBuilder()
                                .setKey(ByteString.copyFromUtf8(key))
                                .setValue(ByteString.copyFrom(new byte[valueBytes])))
                .build();
    }

    private void propose(String key) {
        propose(key, 1);
    }

    /// What the caller is told ends up in `told` as the key and the outcome, which names the key that it is for.
    private void propose(String key, int valueBytes) {
        proposer.propose(
                put(key, valueBytes),
                new Proposer.Completion() {
                    @Override
                    public void done(Outcome outcome) {
                        told.add(key + " gets " + keyOf(outcome));
                    }

                    @Override
                    public void failed(ProposalFailure failure) {
                        told.add(key + " " + failure);
                    }
                });
    }

    private static String keyOf(Outcome outcome) {
        return switch (outcome) {
            case Outcome.Applied applied ->
                    ((PutResponse) applied.response()).getPrevKv().getKey().toStringUtf8();
            case Outcome.Refused refused -> refused.refusal().toString();
        };
    }

    private static Outcome outcomeFor(Command command) {
        PutResponse.Builder response = PutResponse.newBuilder();
        response.getPrevKvBuilder().setKey(command.getPut().getKey());
        return new Outcome.Applied(response.build(), 1);
    }

    /// Applies an entry as the state machine would, in the current term.
    private void apply(CommandBatch batch) {
        apply(standing.term(), batch);
    }

    private void apply(long term, CommandBatch batch) {
        List<List<Outcome>> outcomes = new ArrayList<>();
        for (Proposal proposal : batch.getProposalsList()) {
            outcomes.add(
                    proposer.isOrigin(proposal.getOrigin())
                            ? proposal.getCommandsList().stream()
                                    .map(ProposerTest::outcomeFor)
                                    .toList()
                            : List.of());
        }
        proposer.applied(new LogPosition(term, ++lastIndex), batch, outcomes);
    }

    /// An entry of a new leader without commands.
    private void applyConfiguration(long term) {
        proposer.advanced(new LogPosition(term, ++lastIndex));
    }

    private static Proposal foreign(long sequence, String key) {
        return Proposal.newBuilder()
                .setOrigin(OTHER_ORIGIN)
                .setSequence(sequence)
                .addCommands(put(key, 1))
                .build();
    }

    private void forward(long sequence, String key) {
        proposer.forward(foreign(sequence, key), forwards::add);
    }

    private static CommandBatch batch(Proposal proposal) {
        return CommandBatch.newBuilder().addProposals(proposal).build();
    }

    private static long afterTimeout() {
        return System.nanoTime() + TIMEOUT_NANOS + 1;
    }

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
        silent.message().markAppendStarted(5);
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
    void commandsWaitForALeaderThatNobodyAnnounces() {
        standing.follows(null, 5);
        propose("a");

        standing.leads(6);

        assertThat(sink.next().keys()).containsExactly("a");
    }

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

        asked.forwarded(ForwardReply.Result.APPLIED);
        assertThat(told).as("not applied here yet").isEmpty();

        apply(batch(asked.proposal()));
        assertThat(told).containsExactly("a gets a");
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
                .containsExactly(ForwardReply.Result.APPLIED, ForwardReply.Result.APPLIED);
        assertThat(told).containsExactly("a gets a", "b gets b");
    }

    @Test
    void aFollowerRefusesForwardedProposals() {
        standing.follows("n2", 5);

        forward(1, "x");

        assertThat(forwards).containsExactly(ForwardReply.Result.NOT_APPENDED);
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
    void theForwardingNodeIsToldWhetherAFailedEntryMayHaveBeenAppended() {
        forward(1, "x");
        sink.next().notAppended();
        assertThat(forwards).containsExactly(ForwardReply.Result.NOT_APPENDED);

        forward(2, "y");
        sink.next().undecided(5);
        assertThat(forwards)
                .containsExactly(ForwardReply.Result.NOT_APPENDED, ForwardReply.Result.UNDECIDED);
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
