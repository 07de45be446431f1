package io.lattice.gateway.lease;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.gateway.raft.Proposer;
import io.lattice.proto.command.LeaseRenew;
import io.lattice.proto.command.LeaseRenewed;
import io.lattice.statemachine.apply.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;

class RenewalsTest {
    private static final long SECOND = 1_000_000_000;
    private static final long PAUSE_NANOS = SECOND / 20;
    private static final int COMMAND_IDS_MAX = 4_096;
    private static final int WAITING_MAX = 400_000;

    private final List<LeaseRenew> sent = new ArrayList<>();
    private final List<Proposer.Completion> completions = new ArrayList<>();
    private final List<String> told = new ArrayList<>();
    private final List<Runnable> pauses = new ArrayList<>();
    private long nowNanos;

    private final Renewals renewals =
            new Renewals(
                    (renew, completion) -> {
                        sent.add(renew);
                        completions.add(completion);
                    },
                    Duration.ofNanos(PAUSE_NANOS),
                    Duration.ofSeconds(5),
                    Runnable::run,
                    (nanos, task) -> pauses.add(task),
                    () -> nowNanos);

    private void renew(long id) {
        renewals.renew(id, answerOf(id));
    }

    private Renewals.Answer answerOf(long name) {
        return new RecordedAnswer(told, name);
    }

    /// Applies the command sent as number `index`.
    private void apply(int index, LongUnaryOperator ttlOf) {
        LeaseRenewed.Builder renewed = LeaseRenewed.newBuilder();
        sent.get(index).getIdsList().forEach(id -> renewed.addTtls(ttlOf.applyAsLong(id)));
        try {
            completions.get(index).done(new Outcome.Applied(renewed.build(), 1));
        } finally {
            pause();
        }
    }

    /// Lets the pause end, if there is one.
    private void pause() {
        if (!pauses.isEmpty()) {
            nowNanos += PAUSE_NANOS;
            pauses.removeFirst().run();
        }
    }

    @Test
    void aCommandPausesForCompanyUnlessThereIsEnough() {
        renew(1);
        completions.get(0).done(renewedFor(10));
        renew(2);
        nowNanos += PAUSE_NANOS / 2;
        renew(3);
        assertThat(sent).hasSize(1);
        assertThat(pauses).hasSize(1);

        nowNanos += PAUSE_NANOS / 2;
        pauses.removeFirst().run();
        assertThat(sent.getLast().getIdsList()).containsExactly(2L, 3L);
        completions.get(1).done(renewedFor(10, 10));
        for (int i = 0; i < COMMAND_IDS_MAX; i++) {
            renew(i);
        }
        assertThat(sent.getLast().getIdsCount()).isEqualTo(COMMAND_IDS_MAX);
        assertThat(pauses).hasSize(1);

        pauses.removeFirst().run();
        assertThat(sent).hasSize(3);
        nowNanos += PAUSE_NANOS;
        completions.get(2).failed(ProposalFailure.STOPPED);
        renew(4);
        assertThat(sent).as("a pause that is over holds up nothing").hasSize(4);
    }

    private static Outcome renewedFor(long... ttls) {
        LeaseRenewed.Builder renewed = LeaseRenewed.newBuilder();
        for (long ttl : ttls) {
            renewed.addTtls(ttl);
        }
        return new Outcome.Applied(renewed.build(), 1);
    }

    @Test
    void whatWaitsGoesTogetherEachLeaseOnce() {
        renew(1);
        renew(2);
        renew(3);
        renew(2);

        apply(0, id -> 10);
        apply(1, id -> id * 10);

        assertThat(sent.stream().map(LeaseRenew::getIdsList))
                .containsExactly(List.of(1L), List.of(2L, 3L));
        assertThat(told).containsExactly("1:10", "2:20", "3:30", "2:20");
    }

    @Test
    void aCommandIsBounded() {
        for (int i = 0; i < 2 * COMMAND_IDS_MAX; i++) {
            renew(i);
        }
        apply(0, id -> 10);
        apply(1, id -> 10);
        apply(2, id -> 10);

        assertThat(sent.stream().map(LeaseRenew::getIdsCount))
                .containsExactly(1, COMMAND_IDS_MAX, COMMAND_IDS_MAX - 1);
        assertThat(told).hasSize(2 * COMMAND_IDS_MAX);
    }

    @Test
    void whatComesTogetherGoesTogether() {
        renewals.renew(List.of(1L, 2L, 1L), this::answerOf);

        apply(0, id -> id * 10);

        assertThat(sent.stream().map(LeaseRenew::getIdsList)).containsExactly(List.of(1L, 2L));
        assertThat(told).containsExactly("0:10", "1:20", "2:10");
    }

    @Test
    void allOrNoneOfWhatComesTogetherIsLetIn() {
        renew(1);
        List<Long> many = new ArrayList<>();
        for (long id = 0; id <= WAITING_MAX; id++) {
            many.add(id);
        }

        renewals.renew(many, this::answerOf);

        assertThat(told).hasSize(WAITING_MAX + 1).contains("0:TOO_MANY_REQUESTS");
        apply(0, id -> 10);
        assertThat(sent).hasSize(1);
    }

    @Test
    void aLeaseThatIsGoneAnswersZero() {
        renew(1);

        apply(0, id -> 0);

        assertThat(told).containsExactly("1:0");
    }

    @Test
    void aLostLeaderMakesItRenewAgainUntilTheTimeIsUp() {
        renew(1);
        nowNanos = 2 * SECOND;

        completions.get(0).failed(ProposalFailure.LEADER_LOST);
        pause();
        assertThat(told).isEmpty();
        nowNanos = 5 * SECOND;
        completions.get(1).failed(ProposalFailure.LEADER_LOST);

        assertThat(told).containsExactly("1:LEADER_LOST");
    }

    @Test
    void anAnswerThatComesTooLateIsNotGiven() {
        renew(1);
        renew(2);
        nowNanos = 3 * SECOND;

        apply(0, id -> 6);

        assertThat(told).as("the client would count its 6 s from now").isEmpty();
        assertThat(sent.get(1).getIdsList()).containsExactly(1L, 2L);
        apply(1, id -> id == 1 ? 0 : 6);
        assertThat(told).as("renewed again, just now").containsExactly("1:0", "2:6");
    }

    @Test
    void whatCannotBeTriedAgainFails() {
        renew(1);

        completions.get(0).failed(ProposalFailure.TOO_MANY_REQUESTS);

        assertThat(told).containsExactly("1:TOO_MANY_REQUESTS");
        assertThat(sent).hasSize(1);
    }

    @Test
    void anAnswerThatThrowsDoesNotStopTheOthers() {
        renewals.renew(
                1,
                new Renewals.Answer() {
                    @Override
                    public void renewed(long ttlSeconds) {
                        throw new IllegalStateException("broken");
                    }

                    @Override
                    public void failed(ProposalFailure failure) {}
                });
        renew(2);

        try {
            apply(0, id -> 10);
        } catch (IllegalStateException expected) {
            told.add("thrown");
        }
        apply(1, id -> 10);

        assertThat(told).containsExactly("thrown", "2:10");
    }
}
