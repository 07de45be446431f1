package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.Test;

/// The watchdog of n1, the leader of n1, n2 and n3, by a clock that the test moves.
class WatchdogTest {
    private static final String SELF = "n1";
    private static final Duration ELECTION = Duration.ofMillis(600);
    private static final Duration LOOK = Duration.ofMillis(250);
    private static final Duration LONG = Duration.ofSeconds(58);

    private final FakeNode node = new FakeNode();
    private final Watchdog watchdog = new Watchdog(node, SELF, ELECTION, 0);
    private Duration now = Duration.ZERO;

    /// A healthy leader, until the test changes something.
    private static final class FakeNode implements Watchdog.Node {
        private final List<String> done = new ArrayList<>();
        private final List<String> asked = new ArrayList<>();
        private boolean leads = true;
        private long term = 5;
        private TermFile.Status termFile = TermFile.Status.STORED;
        private long last = 10;
        private long flushed = 10;
        private long committed = 10;
        private long applied = 10;
        private long refusedNanos;
        private long answeredTerm = 5;
        private List<String> voters = List.of(SELF, "n2", "n3");
        private List<String> listeners = List.of();
        private final Map<String, Follower> followers = new HashMap<>();

        FakeNode() {
            follower("n2", 0, 0);
            follower("n3", 0, 0);
        }

        void follower(String id, long sentMs, long heardMs) {
            followers.put(id, new Follower(id, 10, 11, sentMs, heardMs));
        }

        @Override
        public Vitals vitals() {
            return new Vitals(
                    leads,
                    term,
                    termFile,
                    new Vitals.Log(3, last, flushed, committed, applied),
                    refusedNanos,
                    new RaftView.Voters(voters, List.of()),
                    listeners,
                    List.copyOf(followers.values()));
        }

        @Override
        public void handOver(String reason) {
            done.add(reason);
        }

        @Override
        public void fatal(String what, Throwable cause) {
            done.add("fatal: " + what);
        }

        @Override
        public void askTerm(String raftId, LongConsumer answer) {
            asked.add(raftId);
            answer.accept(answeredTerm);
        }
    }

    private void pass(Duration time) {
        Duration end = now.plus(time);
        while (now.compareTo(end) < 0) {
            now = now.plus(LOOK);
            watchdog.tick(now.toNanos());
        }
    }

    @Test
    void aHealthyLeaderIsLeftAlone() {
        pass(LONG);

        assertThat(node.done).isEmpty();
        assertThat(node.asked).isEmpty();
    }

    @Test
    void aLogThatIsSyncedSlowlyButIsSyncedIsLeftAlone() {
        for (int i = 0; i < 10; i++) {
            node.last += 2;
            node.flushed++;
            pass(Watchdog.DISK_SLOW.minus(LOOK));
        }

        assertThat(node.done).isEmpty();
    }

    @Test
    void aLeaderWhoseLogIsNotSyncedGivesUpAndDoesItAgainIfItIsElectedAgain() {
        node.last++;
        pass(Watchdog.DISK_SLOW);
        assertThat(node.done).isEmpty();

        pass(LOOK);
        assertThat(node.done).hasSize(1).first().asString().contains("not been synced");

        node.term++;
        pass(Watchdog.PAUSE);
        assertThat(node.done).hasSize(2);
    }

    @Test
    void aLogThatIsNotSyncedForLongEndsTheProcessOfAFollowerToo() {
        node.leads = false;
        node.last++;

        pass(LONG);
        assertThat(node.done).isEmpty();

        pass(Watchdog.DISK_HUNG.minus(LONG).plus(LOOK));
        assertThat(node.done).containsExactly("fatal: the Raft log's disk doesn't sync");
    }

    @Test
    void aStateThatIsNotAppliedEndsLeadershipAndThenTheProcess() {
        node.committed++;

        pass(Watchdog.DISK_SLOW.plus(LOOK));
        assertThat(node.done).hasSize(1).first().asString().contains("nothing was applied");

        node.leads = false;
        pass(Watchdog.DISK_HUNG.minus(Watchdog.DISK_SLOW));
        assertThat(node.done)
                .hasSize(2)
                .last()
                .isEqualTo("fatal: committed entries aren't applied any more");
    }

    @Test
    void aLoneVoterDoesNotGiveUpForItsDisk() {
        node.voters = List.of(SELF);
        node.followers.clear();
        node.last++;

        pass(LONG);

        assertThat(node.done).isEmpty();
    }

    @Test
    void aTermThatTheDiskRefusedEndsTheProcessSoon() {
        node.leads = false;
        node.termFile = TermFile.Status.NOT_STORED;

        pass(Watchdog.DISK_SLOW);

        assertThat(node.done).containsExactly("fatal: the Raft log's disk refused a new term");
    }

    @Test
    void aTermThatHangsOnItsWayToTheDiskEndsTheProcessLater() {
        node.leads = false;
        node.termFile = TermFile.Status.BEING_STORED;

        pass(Watchdog.DISK_HUNG.minus(LOOK));
        assertThat(node.done).isEmpty();

        pass(LOOK);
        assertThat(node.done).containsExactly("fatal: the Raft log's disk doesn't take a new term");
    }

    @Test
    void aPausedProcessHasNotWaitedForItsDisk() {
        node.last++;
        pass(LOOK);

        now = now.plus(Duration.ofHours(1));
        watchdog.tick(now.toNanos());

        assertThat(node.done).isEmpty();
    }

    @Test
    void aLeaderOfASilentMajorityGivesUp() {
        node.follower("n2", 0, 2 * ELECTION.toMillis() + 1);
        pass(Duration.ofSeconds(10));
        assertThat(node.done).isEmpty();

        node.follower("n3", 0, 2 * ELECTION.toMillis() + 1);
        pass(LOOK);
        assertThat(node.done).containsExactly("a majority of the voters is silent");
    }

    @Test
    void whatIsLeftOfAnEarlierLeadershipIsNotSilence() {
        node.leads = false;
        pass(LOOK);
        node.leads = true;
        node.term++;
        node.follower("n2", 100_000, 100_000);
        node.follower("n3", 100_000, 100_000);

        pass(ELECTION);

        assertThat(node.done).isEmpty();
    }

    @Test
    void aLeaderWhoseEntriesAreRefusedGivesUp() {
        node.refusedNanos = Watchdog.REFUSED.toNanos() - 1;
        pass(LONG);
        assertThat(node.done).isEmpty();

        node.refusedNanos = Watchdog.REFUSED.toNanos();
        pass(LOOK);
        assertThat(node.done).hasSize(1).first().asString().contains("refused every entry");
    }

    /// Nothing is sent to n2, which so says nothing either, from now on.
    private void cutOff(Duration time) {
        Duration begin = now;
        Duration end = now.plus(time);
        while (now.compareTo(end) < 0) {
            long ms = now.minus(begin).toMillis();
            node.follower("n2", ms, ms);
            pass(LOOK);
        }
    }

    @Test
    void aLeaderThatSendsNothingToAReachableFollowerGivesUpOnceAMinuteAtMost() {
        cutOff(Watchdog.CUT_OFF);
        assertThat(node.done).isEmpty();

        cutOff(Watchdog.CUT_OFF.plusSeconds(5));
        assertThat(node.done).hasSize(1).first().asString().startsWith("n2 can be reached");

        cutOff(Watchdog.CUT_OFF_PAUSE.minusSeconds(10));
        assertThat(node.done).hasSize(1);

        cutOff(Watchdog.CUT_OFF.plusSeconds(10));
        assertThat(node.done).hasSize(2);
    }

    @Test
    void aListenerThatIsCutOffGetsANewLeaderButCountsForNothing() {
        node.voters = List.of(SELF, "n3");
        node.listeners = List.of("n2");
        cutOff(Watchdog.CUT_OFF.plusSeconds(5));
        assertThat(node.done).hasSize(1).first().asString().startsWith("n2 can be reached");

        node.done.clear();
        node.follower("n2", 0, 0);
        node.follower("n3", 0, LONG.toMillis());
        pass(Watchdog.PAUSE.plusSeconds(1));

        assertThat(node.done).hasSize(1).first().isEqualTo("a majority of the voters is silent");
    }

    @Test
    void aFollowerThatCanNotBeReachedIsNoReasonToGiveUp() {
        node.answeredTerm = 0;

        cutOff(LONG);

        assertThat(node.done).isEmpty();
        assertThat(node.asked).contains("n2").doesNotContain("n3");
    }

    @Test
    void aFollowerThatHasJustComeBackIsGivenTime() {
        node.answeredTerm = 0;
        cutOff(LONG);
        node.answeredTerm = 5;
        node.follower("n2", LONG.toMillis(), LONG.toMillis());

        pass(Watchdog.CUT_OFF.minusSeconds(1));
        assertThat(node.done).isEmpty();

        pass(Duration.ofSeconds(3));
        assertThat(node.done).hasSize(1);
    }

    @Test
    void aFollowerThatTakesUpASnapshotOrIsNoMemberIsLeftAlone() {
        node.followers.put("n2", new Follower("n2", -1, 0, LONG.toMillis(), LONG.toMillis()));
        node.followers.put("n9", new Follower("n9", 1, 5, LONG.toMillis(), LONG.toMillis()));

        pass(LONG);

        assertThat(node.done).isEmpty();
    }

    @Test
    void aFollowerThatAnswersButStoresNothingGetsANewLeader() {
        node.last = node.flushed = node.committed = node.applied = 20;
        node.followers.put("n3", new Follower("n3", 20, 21, 0, 0));

        pass(Watchdog.STUCK.minusSeconds(1));
        assertThat(node.done).isEmpty();

        pass(Duration.ofSeconds(2));
        assertThat(node.done).hasSize(1).first().asString().startsWith("n2 answers, but stores");

        pass(Watchdog.CUT_OFF_PAUSE.minusSeconds(10));
        assertThat(node.done).hasSize(1);
    }

    @Test
    void aFollowerThatCatchesUpSlowlyIsLeftAlone() {
        node.last = node.flushed = node.committed = node.applied = 1_000;
        node.followers.put("n3", new Follower("n3", 1_000, 1_001, 0, 0));
        for (int match = 11; match < 20; match++) {
            node.followers.put("n2", new Follower("n2", match, match + 1, 0, 0));
            pass(Watchdog.STUCK.minusSeconds(1));
        }

        assertThat(node.done).isEmpty();
    }
}
