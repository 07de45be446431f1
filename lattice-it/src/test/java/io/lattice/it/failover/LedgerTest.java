package io.lattice.it.failover;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.failover.Ledger.Entry;
import io.lattice.it.failover.Violation.Kind;
import io.lattice.it.failover.Write.Outcome;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// Books that are right and ones that are wrong in one way each. Each store starts at revision 1.
class LedgerTest {
    private static final String REGISTER = "failover/register/n1";

    private static Write write(String key, long number, Outcome outcome, long revision) {
        return new Write(key, number, "w", number, number + 1, outcome, revision, "");
    }

    private static List<Kind> audit(List<Write> writes, Map<String, Entry> present, long revision) {
        Ledger ledger = new Ledger(1);
        assertThat(ledger.enter(writes)).isEmpty();
        return ledger.audit(present, revision).stream().map(Violation::kind).toList();
    }

    @Test
    void whatWasAcknowledgedIsThereAndWhatIsAmbiguousMayBe() {
        List<Write> writes =
                List.of(
                        write("a", 1, Outcome.ACKNOWLEDGED, 2),
                        write("b", 2, Outcome.AMBIGUOUS, 0),
                        write("c", 3, Outcome.AMBIGUOUS, 0),
                        write("d", 4, Outcome.FAILED, 0),
                        write(REGISTER, 5, Outcome.ACKNOWLEDGED, 4),
                        write(REGISTER, 6, Outcome.AMBIGUOUS, 0));

        assertThat(
                        audit(
                                writes,
                                Map.of(
                                        "a",
                                        new Entry(1, 2, 2, 1),
                                        "b",
                                        new Entry(2, 3, 3, 1),
                                        REGISTER,
                                        new Entry(5, 4, 4, 1)),
                                4))
                .isEmpty();
    }

    @Test
    void anAcknowledgedWriteThatIsMissingIsLost() {
        assertThat(audit(List.of(write("a", 1, Outcome.ACKNOWLEDGED, 2)), Map.of(), 1))
                .containsExactly(Kind.LOST);
    }

    @Test
    void anAcknowledgedWriteWithAnotherRevisionIsLost() {
        assertThat(
                        audit(
                                List.of(write("a", 1, Outcome.ACKNOWLEDGED, 3)),
                                Map.of("a", new Entry(1, 2, 2, 1)),
                                2))
                .containsExactly(Kind.LOST);
    }

    @Test
    void aWriteAppliedTwiceIsDoubled() {
        assertThat(
                        audit(
                                List.of(write("a", 1, Outcome.AMBIGUOUS, 0)),
                                Map.of("a", new Entry(1, 2, 3, 2)),
                                3))
                .containsExactly(Kind.DOUBLED);
    }

    @Test
    void aRevisionThatNoKeyShowsIsDoubled() {
        assertThat(
                        audit(
                                List.of(write("a", 1, Outcome.ACKNOWLEDGED, 2)),
                                Map.of("a", new Entry(1, 2, 2, 1)),
                                3))
                .containsExactly(Kind.DOUBLED);
    }

    @Test
    void aWriteThatFailedAndIsThereIsAFalseFailure() {
        assertThat(
                        audit(
                                List.of(write("a", 1, Outcome.FAILED, 0)),
                                Map.of("a", new Entry(1, 2, 2, 1)),
                                2))
                .containsExactly(Kind.FALSE_FAILURE);
    }

    @Test
    void aRegisterBehindItsLastAcknowledgementIsLost() {
        assertThat(
                        audit(
                                List.of(
                                        write(REGISTER, 1, Outcome.ACKNOWLEDGED, 2),
                                        write(REGISTER, 2, Outcome.ACKNOWLEDGED, 3)),
                                Map.of(REGISTER, new Entry(1, 2, 3, 2)),
                                3))
                .containsExactly(Kind.LOST);
    }

    @Test
    void twoAcknowledgementsOfOneRevisionAreDisordered() {
        List<Violation> found =
                new Ledger(1)
                        .enter(
                                List.of(
                                        write("a", 1, Outcome.ACKNOWLEDGED, 2),
                                        write("b", 2, Outcome.ACKNOWLEDGED, 2)));

        assertThat(found).extracting(Violation::kind).containsExactly(Kind.DISORDERED);
    }
}
