package io.lattice.it.failover;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.failover.Violation.Kind;
import io.lattice.it.failover.Write.Outcome;
import org.junit.jupiter.api.Test;

/// Histories that are right and ones that are wrong in one way each.
class RealTimeTest {
    private final History history = new History();

    private void write(long number, long start, long end, long revision) {
        history.add(
                "n1", new Write("r", number, "w", start, end, Outcome.ACKNOWLEDGED, revision, ""));
    }

    private void read(long number, long revision, long start, long end) {
        history.add(new Read("r", number, revision, revision, "r", start, end));
    }

    @Test
    void overlappingOperationsMayEndInAnyOrder() {
        write(1, 0, 10, 2);
        write(2, 20, 50, 4);
        history.add("n2", new Write("k", 3, "w", 21, 49, Outcome.ACKNOWLEDGED, 3, ""));
        read(1, 2, 15, 30);
        read(2, 4, 25, 30);
        read(1, 2, 26, 60);
        read(2, 4, 61, 70);

        assertThat(RealTime.violations(history)).isEmpty();
    }

    @Test
    void aReadThatMissesAnAcknowledgedWriteIsStale() {
        write(1, 0, 10, 2);
        write(2, 20, 30, 3);
        history.add(new Read("r", 1, 2, 3, "r", 31, 40));

        assertThat(RealTime.violations(history))
                .extracting(Violation::kind)
                .containsExactly(Kind.STALE);
    }

    @Test
    void aReadOlderThanAnEarlierReadIsStaleThoughNothingWasAcknowledged() {
        read(2, 5, 0, 10);
        history.add(new Read("r", 1, 5, 5, "r", 11, 20));

        assertThat(RealTime.violations(history))
                .extracting(Violation::kind)
                .containsExactly(Kind.STALE);
    }

    @Test
    void aStoreRevisionThatGoesBackIsStaleThoughTheKeyIsUnchanged() {
        write(1, 0, 10, 2);
        history.add("n2", new Write("other", 2, "w", 11, 20, Outcome.ACKNOWLEDGED, 9, ""));
        read(1, 2, 21, 30);

        assertThat(RealTime.violations(history))
                .extracting(Violation::kind)
                .containsExactly(Kind.STALE);
    }

    @Test
    void aLaterWriteWithALowerRevisionIsDisordered() {
        write(1, 0, 10, 7);
        write(2, 11, 20, 6);

        assertThat(RealTime.violations(history))
                .extracting(Violation::kind)
                .containsExactly(Kind.DISORDERED);
    }
}
