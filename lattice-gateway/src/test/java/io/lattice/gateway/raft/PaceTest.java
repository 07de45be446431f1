package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.statemachine.raft.BatchMessage;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class PaceTest {
    private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long NANOS_MAX = 8 * MS;

    private long now = System.nanoTime();
    private final Pace pace = new Pace(NANOS_MAX, now);

    /// Entries of four commands every 4 ms, each of which takes 2 ms, in which two of its commands came.
    private void leadStream() {
        leadStream(4, 2);
    }

    private void leadStream(int commands, int early) {
        for (int i = 0; i < 100; i++) {
            now += 2 * MS;
            pace.entryBegan(entry(commands, early));
            now += 2 * MS;
            pace.entryEnded(now);
        }
    }

    private EntryInFlight entry(int commands, int early) {
        Proposal.Builder proposal = Proposal.newBuilder();
        for (int i = 0; i < commands; i++) {
            proposal.addCommandsBuilder();
        }
        CommandBatch batch = CommandBatch.newBuilder().addProposals(proposal).build();
        return new EntryInFlight(new BatchMessage(batch, 1), null, List.of(), early, now);
    }

    @Test
    void aLeaderWaitsForAStream() {
        leadStream();

        assertThat(pace.nanosToWait(true, 1, false, now)).isCloseTo(4 * MS, within(10L));
        assertThat(pace.nanosToWait(true, 1, false, now + 3 * MS)).isPositive();
        assertThat(pace.nanosToWait(true, 1, false, now + 4 * MS)).isZero();
        assertThat(pace.nanosForOthers()).isCloseTo(3 * MS, within(10L));
    }

    @Test
    void whoHurriesDoesNotWaitForOthersStreams() {
        leadStream();
        pace.pause(NANOS_MAX, now);
        assertThat(pace.nanosToWait(true, 1, false, now)).isPositive();
        assertThat(pace.nanosToWait(true, 1, true, now)).isZero();
        assertThat(pace.nanosToWait(false, 1, false, now)).isPositive();
        assertThat(pace.nanosToWait(false, 1, true, now)).isZero();
    }

    @Test
    void whoHurriesDoesNotWaitForAsManyAsAStreamHasBrought() {
        leadStream(60, 30);

        assertThat(pace.nanosToWait(true, 1, true, now)).isZero();
    }

    @Test
    void whoComesBackWaitsForTheOthersThatDo() {
        // Of forty commands fifteen come back.
        leadStream(40, 12);

        assertThat(pace.nanosToWait(true, 1, true, now)).isBetween(MS, 2 * MS);
        assertThat(pace.nanosToWait(true, 20, true, now)).isZero();
    }

    @Test
    void whatIsLargeDoesNotWaitForAStream() {
        leadStream();

        assertThat(pace.nanosToWait(true, 63, false, now)).isPositive();
        assertThat(pace.nanosToWait(true, 64, false, now)).isZero();
    }

    @Test
    void aFollowerWaitsAsLongAsItIsToldAndMay() {
        pace.pause(3 * MS, now);
        assertThat(pace.nanosToWait(false, 1, false, now)).isEqualTo(3 * MS);
        assertThat(pace.nanosToWait(false, 1, false, now + 3 * MS)).isZero();

        pace.proposalEnded(TimeUnit.SECONDS.toNanos(1_000), now);

        assertThat(pace.nanosToWait(false, 1, false, now)).isEqualTo(NANOS_MAX);
        pace.pause(-1, now);
        assertThat(pace.nanosToWait(false, 1, false, now)).isZero();
    }

    @Test
    void whatWasRefusedIsNotSentAgainAtOnce() {
        pace.retryLater(now);

        assertThat(pace.nanosToWait(true, 100, true, now)).isEqualTo(Pace.RETRY_NANOS);
        assertThat(pace.nanosToWait(true, 100, true, now + Pace.RETRY_NANOS)).isZero();
    }
}
