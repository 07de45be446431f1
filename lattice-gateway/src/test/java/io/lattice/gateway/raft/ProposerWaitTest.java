package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.proto.peer.ForwardReply;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Who waits for more of a stream, and who is told to.
@Timeout(60)
class ProposerWaitTest extends ProposerFixture {
    private static final int OTHER_TENANT = TENANT + 1;

    /// More than a test takes: what waits as long never comes.
    private static final int ENDLESS_US = (int) TimeUnit.SECONDS.toMicros(1_000);

    ProposerWaitTest() {
        super(Duration.ofSeconds(1_000));
    }

    /// Commands come while others are under way.
    private void makeStream() {
        for (int i = 0; i < 5; i++) {
            propose("before");
            Proposal before = peers.next("n2").proposal();
            propose("early");
            apply(batch(before));
            apply(batch(peers.next("n2").proposal()));
        }
    }

    /// This node follows and has a stream, and the leader has said how long its next proposal should wait.
    ///
    /// @return when the pause began, at the earliest
    private long followWithPause(int pauseUs) {
        standing.follows("n2", 5);
        makeStream();
        propose("a");
        FakePeers.Asked first = peers.next("n2");
        first.committed(5, 17, pauseUs);
        long beganNanos = System.nanoTime();
        apply(batch(first.proposal()));
        return beganNanos;
    }

    @Test
    void aFollowerWaitsForCompanyAsLongAsTheLeaderSays() {
        long beganNanos = followWithPause(20_000);

        propose("b");

        Proposal second = peers.next("n2").proposal();
        assertThat(System.nanoTime() - beganNanos)
                .isGreaterThanOrEqualTo(TimeUnit.MILLISECONDS.toNanos(20));
        assertThat(FakeSink.Submitted.key(second.getCommands(0))).isEqualTo("b");
    }

    @Test
    void aFollowerSaysWhoseCommandsHaveNoStream() {
        standing.follows("n2", 5);
        propose("a");
        FakePeers.Asked first = peers.next("n2");
        assertThat(first.request().getForward().getMayWait()).isFalse();
        apply(batch(first.proposal()));
        makeStream();

        propose("b");

        assertThat(peers.next("n2").request().getForward().getMayWait()).isTrue();
    }

    @Test
    void whatComesBackIsForwardedAsWhatShouldNotWait() {
        standing.follows("n2", 5);
        makeStream();
        propose("a");
        FakePeers.Asked refused = peers.next("n2");
        assertThat(refused.request().getForward().getMayWait()).isTrue();

        refused.forwarded(ForwardReply.Result.NOT_APPENDED);

        assertThat(peers.next("n2").request().getForward().getMayWait()).isFalse();
    }

    @Test
    void aLeaderHurriesForWhatAFollowerSaysShouldNotWait() {
        propose("under way");
        CommandBatch first = sink.next().batch();
        assertThat(proposer.isHurried()).isFalse();

        forward(5, 1, "x", true);
        assertThat(proposer.isHurried()).isFalse();
        forward(5, 2, "y", false);
        assertThat(proposer.isHurried()).isTrue();

        apply(first);
        assertThat(sink.next().keys()).containsExactly("x", "y");
        assertThat(proposer.isHurried()).isFalse();
    }

    @Test
    void aHurriedCommandEndsAWaitThatHasBegun() {
        var _ = followWithPause(ENDLESS_US);
        propose("b");

        proposeFor(OTHER_TENANT, "c");

        FakePeers.Asked second = peers.next("n2");
        assertThat(second.proposal().getCommandsCount()).isEqualTo(2);
        assertThat(second.request().getForward().getMayWait()).isFalse();
    }

    @Test
    void aFollowerSaysHowManyCommandsCameEarly() {
        standing.follows("n2", 5);
        propose("a");
        FakePeers.Asked first = peers.next("n2");
        assertThat(first.request().getForward().getEarlyCommands()).isZero();
        propose("b");
        propose("c");
        apply(batch(first.proposal()));
        FakePeers.Asked second = peers.next("n2");
        assertThat(second.request().getForward().getEarlyCommands()).isEqualTo(2);
        apply(batch(second.proposal()));

        propose("d");

        assertThat(peers.next("n2").request().getForward().getEarlyCommands()).isZero();
    }

    @Test
    void othersHearOfACommitFromTheNextEntryIfThatFollowsAtOnce() {
        propose("a");
        CommandBatch entry = sink.next().batch();
        propose("b");

        commit(entry);

        assertThat(news.pushed).isEmpty();
    }

    @Test
    void othersHearOfACommitSoonIfTheNextEntryWaits() {
        for (int i = 0; i < 20; i++) {
            propose("before");
            CommandBatch before = sink.next().batch();
            propose("early");
            propose("early too");
            apply(before);
            apply(sink.next().batch());
        }
        propose("a");
        CommandBatch entry = sink.next().batch();
        propose("b");

        commit(entry);

        assertThat(news.pushed).hasSize(1);
    }
}
